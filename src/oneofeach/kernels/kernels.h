/* Shared by all kernel sources: every kernel file exports one method table, which module.c adds.
 * Arrays arrive as addresses (Python integers): the limited API of Python 3.10 has no buffer protocol,
 * and kernels/__init__.py has already checked dtype, shape and contiguity. */
#ifndef ONEOFEACH_KERNELS_H
#define ONEOFEACH_KERNELS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

extern PyMethodDef area_methods[];
extern PyMethodDef arrays_methods[];
extern PyMethodDef colorfulness_methods[];
extern PyMethodDef description_methods[];
extern PyMethodDef levels_methods[];
extern PyMethodDef verify_methods[];
extern PyMethodDef png_methods[];
extern PyMethodDef jpeg_methods[];
extern PyMethodDef files_methods[];
extern PyMethodDef sharpness_methods[];
extern PyMethodDef sights_methods[];
extern PyMethodDef moves_methods[];
extern PyMethodDef neighbors_methods[];
extern PyMethodDef keepers_methods[];

#endif
