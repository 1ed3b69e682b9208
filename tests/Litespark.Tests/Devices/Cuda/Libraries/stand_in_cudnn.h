// What the files of the stand-in of libcudnn share: descriptors, and tensors and operations in a form that is easy to walk through.
#include <stddef.h>
#include <stdint.h>

enum { OK = 0, BAD_PARAM = 2000, NOT_FINALIZED = 2004, ATTRIBUTE_TYPE = 2010, NOT_SUPPORTED = 3000, PATTERN = 3001, SHAPE = 3002 };
enum { POINTWISE = 0, ENGINE = 2, CONFIGURATION = 3, HEURISTICS = 4, PLAN = 5, KNOB_CHOICE = 7, OP_POINTWISE = 13, GRAPH = 15, PACK = 16, TENSOR = 17, MATMUL = 18, OP_MATMUL = 19, REDUCTION = 21, OP_REDUCTION = 22, OP_RESHAPE = 31 };
enum { FP32 = 0, INT32 = 4, BF16 = 9, BOOLEAN = 11 };
enum { ADD = 0, MUL = 1, DIV = 6, SUB = 9, EXP = 13, LOG = 15, GE = 303, INDEX = 501, SELECT = 601, MAX = 3 };
enum { MOST = 64 };

typedef struct descriptor descriptor;
typedef struct { int name, type; int64_t count; union { int64_t i[MOST]; float f[MOST]; void *p[MOST]; descriptor *d[MOST]; char c[8 * MOST]; } values; } attribute;
struct descriptor { int kind, finalized, length, engine; attribute attributes[16]; };

typedef struct { int64_t id, dims[4], strides[4]; int type, is_virtual, is_scalar; } tensor;
typedef struct { int kind, mode, compute, axis; tensor x, b, t, y; } operation; // of a product x and b are the operands

const attribute *find(const descriptor *d, int name);
int operations_of(const descriptor *graph, operation *ops); // how many, MOST at most
int fail(int status, const char *format, ...);               // sets the last error's text
int match(const operation *ops, int count, int *gradient);   // whether cuDNN has a kernel for the pattern
int interpret(const operation *ops, int count, const int64_t *ids, void *const *pointers, int64_t length);
