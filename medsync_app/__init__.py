"""MedSync: medication synchronization for independent pharmacies."""
