// Stands in for libnvrtc: the same exported functions. It knows the architectures that it is told (stand_in_nvrtc_knows), refuses others as
// the real one does, and "compiles" to a text that names what it was asked for: an image that the stand-in of libcuda loads.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, INVALID_OPTION = 5, COMPILATION = 6, MOST = 32 };
typedef struct { char architecture[32], log[128], image[128]; } program;

static int architectures[MOST], count, major_version = 12, minor_version = 4;

void stand_in_nvrtc_knows(int major, int minor, const int *known, int length)
{
    major_version = major;
    minor_version = minor;
    count = length;
    memcpy(architectures, known, length * sizeof *known);
}

const char *nvrtcGetErrorString(int result) { return result == INVALID_OPTION ? "NVRTC_ERROR_INVALID_OPTION" : result == COMPILATION ? "NVRTC_ERROR_COMPILATION" : "NVRTC_SUCCESS"; }
int nvrtcVersion(int *major, int *minor) { *major = major_version; *minor = minor_version; return OK; }
int nvrtcGetNumSupportedArchs(int *number) { *number = count; return OK; }
int nvrtcGetSupportedArchs(int *all) { memcpy(all, architectures, count * sizeof *all); return OK; }
int nvrtcCreateProgram(program **p, const char *source, const char *name, int headers, const char **contents, const char **names) { *p = calloc(1, sizeof **p); return OK; }
int nvrtcDestroyProgram(program **p) { free(*p); *p = NULL; return OK; }

int nvrtcCompileProgram(program *p, int length, const char **options)
{
    const char *prefix = "--gpu-architecture=";
    for (int i = 0; i < length; i++)
        if (strncmp(options[i], prefix, strlen(prefix)) == 0) snprintf(p->architecture, sizeof p->architecture, "%s", options[i] + strlen(prefix));
    char *number = strchr(p->architecture, '_');
    int wanted = number ? atoi(number + 1) : 0;
    for (int i = 0; i < count; i++)
        if (architectures[i] == wanted) {
            snprintf(p->image, sizeof p->image, "good %s of %s", strncmp(p->architecture, "compute_", 8) == 0 ? "PTX" : "machine code", p->architecture);
            return OK;
        }
    snprintf(p->log, sizeof p->log, "nvrtc: error: invalid value for --gpu-architecture (-arch)");
    return INVALID_OPTION;
}

int nvrtcGetProgramLogSize(program *p, size_t *size) { *size = strlen(p->log) + 1; return OK; }
int nvrtcGetProgramLog(program *p, char *log) { strcpy(log, p->log); return OK; }

// One of the two is there, as of the real one: machine code of a real architecture, PTX (with the zero that ends a text) of a virtual one.
static size_t size_of(program *p, const char *kind) { return strncmp(p->image + 5, kind, strlen(kind)) == 0 ? strlen(p->image) : 0; }
int nvrtcGetCUBINSize(program *p, size_t *size) { *size = size_of(p, "machine code"); return OK; }
int nvrtcGetCUBIN(program *p, char *image) { memcpy(image, p->image, size_of(p, "machine code")); return OK; }
int nvrtcGetPTXSize(program *p, size_t *size) { *size = size_of(p, "PTX") + 1; return OK; }
int nvrtcGetPTX(program *p, char *image) { memcpy(image, p->image, size_of(p, "PTX")); image[size_of(p, "PTX")] = 0; return OK; }
