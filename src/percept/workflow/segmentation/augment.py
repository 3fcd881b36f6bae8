"""temporary"""


def augmentation_of(prepared, recipe):
    return None
