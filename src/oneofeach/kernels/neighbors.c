#include "kernels.h"

PyMethodDef neighbors_methods[] = {{NULL, NULL, 0, NULL}};
