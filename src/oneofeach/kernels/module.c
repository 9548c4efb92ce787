/* The extension module oneofeach._kernels: gathers the method tables of the kernel sources. */
#include "kernels.h"
#include "description.h"
#include "jpeg.h"

#ifndef DIGEST
#define DIGEST "" /* of the sources; setup.py gives it */
#endif

static int add_methods(PyObject *module)
{
    jpeg_prepare();
    if (PyModule_AddFunctions(module, area_methods) < 0) return -1;
    if (PyModule_AddFunctions(module, arrays_methods) < 0) return -1;
    if (PyModule_AddFunctions(module, colorfulness_methods) < 0) return -1;
    if (PyModule_AddFunctions(module, description_methods) < 0) return -1;
    if (PyModule_AddFunctions(module, levels_methods) < 0) return -1;
    if (PyModule_AddFunctions(module, verify_methods) < 0) return -1;
    if (PyModule_AddFunctions(module, sharpness_methods) < 0) return -1;
    if (PyModule_AddFunctions(module, png_methods) < 0) return -1;
    if (PyModule_AddFunctions(module, jpeg_methods) < 0) return -1;
    if (PyModule_AddFunctions(module, files_methods) < 0) return -1;
    if (PyModule_AddFunctions(module, sights_methods) < 0) return -1;
    if (PyModule_AddFunctions(module, moves_methods) < 0) return -1;
    if (PyModule_AddFunctions(module, neighbors_methods) < 0) return -1;
    if (PyModule_AddFunctions(module, keepers_methods) < 0) return -1;
    if (PyModule_AddIntConstant(module, "DESCRIPTOR", DESCRIPTOR_BYTES) < 0) return -1;
    if (PyModule_AddIntConstant(module, "BITS", BITS_BYTES) < 0) return -1;
    return PyModule_AddStringConstant(module, "DIGEST", DIGEST);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void *)add_methods}, {0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_kernels", NULL, 0, NULL, slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__kernels(void) { return PyModuleDef_Init(&definition); }
