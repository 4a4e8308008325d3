"""The optical arithmetic from prescription to finished pair, written once for clinic and lab."""
