"""`GET /workflow-schema.json`: the JSON schema of workflow documents, for editors that check as one types."""

from typing import Any

from fastapi import APIRouter

from medsync_app.domain.workflow_fields import workflow_schema

router = APIRouter()


@router.get("/workflow-schema.json")
def read_schema() -> dict[str, Any]:
    """The schema; it holds nothing of any pharmacy, so nobody needs to sign in."""
    return workflow_schema()
