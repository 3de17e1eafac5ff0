"""All tables: importing this package fills the metadata that migrations compare with."""

from medsync_app.store.tables.audit import AuditEvent, AuditHead, BackupRun
from medsync_app.store.tables.base import PharmacyScoped, Table, metadata
from medsync_app.store.tables.dispensing import DuplicateAnswer, Fill, Prescriber, Prescription, Therapy
from medsync_app.store.tables.imports import ImportMapping, ImportProblem, ImportRun
from medsync_app.store.tables.joining import FormSource, JoinLink, JoinRequest
from medsync_app.store.tables.merge import PatientMerge
from medsync_app.store.tables.messages import (
    Attempt,
    ChannelStatus,
    InboundEvent,
    InboundMessage,
    LoopHeartbeat,
    ProviderStatus,
    ScheduledAction,
)
from medsync_app.store.tables.organization import ClosedDay, Organization, Pharmacy
from medsync_app.store.tables.outside import OutsideJob
from medsync_app.store.tables.patient import (
    AddressStatus,
    ConsentEvent,
    ContactPoint,
    Patient,
    PatientCare,
    PatientNote,
)
from medsync_app.store.tables.people import Membership, SignInFailure, Staff, StaffSession
from medsync_app.store.tables.sync import (
    Cycle,
    CycleItem,
    Enrollment,
    EnrollmentDraft,
    EnrollmentOffer,
    RenewalRequest,
)
from medsync_app.store.tables.work import (
    ExceptionCase,
    ExceptionComment,
    Template,
    TrialRun,
    WorkflowDraft,
    WorkflowVersion,
)

__all__ = [
    "AddressStatus", "Attempt", "AuditEvent", "AuditHead", "BackupRun", "ChannelStatus", "ClosedDay",
    "ConsentEvent", "ContactPoint", "Cycle", "CycleItem", "DuplicateAnswer", "Enrollment", "EnrollmentDraft",
    "EnrollmentOffer", "ExceptionCase", "ExceptionComment", "Fill", "FormSource", "ImportMapping", "ImportProblem",
    "ImportRun", "InboundEvent", "InboundMessage", "JoinLink", "JoinRequest", "LoopHeartbeat", "Membership",
    "Organization", "OutsideJob", "Patient", "PatientCare", "PatientMerge", "PatientNote", "Pharmacy",
    "PharmacyScoped", "Prescriber", "Prescription", "ProviderStatus", "RenewalRequest", "ScheduledAction",
    "SignInFailure", "Staff", "StaffSession", "Table", "Template", "Therapy", "TrialRun",
    "WorkflowDraft", "WorkflowVersion", "metadata",
]  # fmt: skip
