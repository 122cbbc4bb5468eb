"""What a sweep keeps of every case, by the names in records, data set and table."""

#: Numbers of a case: name, unit, what it is.
FIGURES: dict[str, tuple[str, str]] = {
    "R_total_ohm_cm2": ("ohm cm2", "resistance at direct current"),
    "R_SE_ohm_cm2": ("ohm cm2", "electrolyte between perfect contacts"),
    "R_int_ohm_cm2": ("ohm cm2", "interface, R_total - R_SE"),
    "R_cc_ohm_cm2": ("ohm cm2", "constriction"),
    "R_ct_ohm_cm2": ("ohm cm2", "charge transfer"),
    "R_static_ohm_cm2": ("ohm cm2", "constriction by the smaller electrode"),
    "R_total_low_ohm_cm2": ("ohm cm2", "guaranteed lower bound of R_total; simulations only"),
    "R_total_high_ohm_cm2": ("ohm cm2", "guaranteed upper bound of R_total; simulations only"),
    "C_int_F_per_cm2": ("F/cm2", "capacitance of the interface arc"),
    "apex_frequency_Hz": ("Hz", "apex of the interface arc"),
    "actual_contact_fraction": ("1", "contact fraction of the cell"),
    "temperature_K": ("K", "temperature"),
    "relative_error_estimate": ("1", "largest estimated relative error of Z and R_total"),
    "degrees_of_freedom": ("1", "unknowns of the finest level"),
    "full_solves": ("1", "full solves for this case"),
    "seconds": ("s", "time for this case"),
}
#: Numbers of a case at every frequency.
SPECTRA = {
    "Z_real_ohm_cm2": ("ohm cm2", "real part of the impedance per geometric area"),
    "Z_imag_ohm_cm2": ("ohm cm2", "imaginary part of the impedance per geometric area; negative: capacitive"),
    "relative_error": ("1", "estimated relative error of the impedance"),
}
#: Texts of a case.
TEXTS = {
    "status": "done, failed or missing",
    "reason": "why a case failed",
    "digest": "SHA-256 of the resolved case, as in cases/*.jsonl",
    "backend": "how it was solved",
    "method": "simulation, or family: on the meshes of another case with other laws",
}
#: Dictionaries of a case: dimension, what they are.
NAMED = {
    "R_parts_ohm_cm2": ("part", "exact partition of R_total by dissipation"),
    "R_SE_split_ohm_cm2": ("phase", "split of R_SE, for information"),
}

#: Names that no axis may have.
RESERVED = frozenset({"frequency", "versions", *FIGURES, *SPECTRA, *TEXTS, *NAMED, *(d for d, _ in NAMED.values())})
