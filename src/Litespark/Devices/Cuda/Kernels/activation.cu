#include "device.cuh"
#include "packs.cuh"
#include "cuts.cuh"
#include "matrix_walk.cuh"
#include "activation_functions.cuh"

// variants: ELEMENT=bf16 FUNCTION=Silu VECTOR=8 WHOLE=1 AHEAD=2; ELEMENT=bf16 FUNCTION=Silu VECTOR=8 WHOLE=1 AHEAD=1; ELEMENT=bf16 FUNCTION=Silu VECTOR=8 WHOLE=0 AHEAD=1; ELEMENT=bf16 FUNCTION=Gelu VECTOR=8 WHOLE=1 AHEAD=2; ELEMENT=bf16 FUNCTION=GeluTanh VECTOR=8 WHOLE=1 AHEAD=2; ELEMENT=bf16 FUNCTION=Relu VECTOR=8 WHOLE=1 AHEAD=2; ELEMENT=float FUNCTION=Silu VECTOR=4 WHOLE=1 AHEAD=2; ELEMENT=bf16 FUNCTION=Gelu VECTOR=1 WHOLE=0 AHEAD=1

// Non-linearities and gated linear units. Results may lie in any operand's place: a thread reads what it replaces before it writes.
typedef ELEMENT element;
typedef FUNCTION Function;

// y = f(x).
extern "C" __global__ void activation(const element* x, int64 x_stride, element* y, int64 y_stride, int rows, int64 columns)
{
    for_matrix(y, y_stride, rows, columns, [=](int row, const Cut& cut, int64 pack) {
        const Pack<element> from = cut.load(x + row * x_stride, pack);
        float values[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++) values[i] = Function::value(from[i]);
        cut.store(y + row * y_stride, pack, values);
    });
}
KERNEL(activation)

// dx = dy ∘ f′(x).
extern "C" __global__ void activation_gradient(
    const element* dy, int64 dy_stride, const element* x, int64 x_stride, element* dx, int64 dx_stride, int rows, int64 columns)
{
    for_matrix(dx, dx_stride, rows, columns, [=](int row, const Cut& cut, int64 pack) {
        const Pack<element> gradient = cut.load(dy + row * dy_stride, pack), from = cut.load(x + row * x_stride, pack);
        float values[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++)
        {
            float slope;
            Function::value(from[i], slope);
            values[i] = gradient[i] * slope;
        }

        cut.store(dx + row * dx_stride, pack, values);
    });
}
KERNEL(activation_gradient)

// h = f(gate) ∘ up (Shazeer, 2020; SwiGLU with SiLU): x [N, 2F] holds gate and up side by side, h is [N, F].
extern "C" __global__ void gated_activation(const element* x, int64 x_stride, element* h, int64 h_stride, int rows, int64 columns)
{
    struct Operands { Pack<element> gate, up; };
    for_matrix_ahead(h, h_stride, rows, columns, [=](int row, const Cut& cut, int64 pack) {
        const element* gate = x + row * x_stride;
        return Operands{cut.load(gate, pack), cut.load(gate + columns, pack)};
    }, [=](int row, const Cut& cut, int64 pack, const Operands& from) {
        float values[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++) values[i] = Function::value(from.gate[i]) * from.up[i];
        cut.store(h + row * h_stride, pack, values);
    });
}
KERNEL(gated_activation)

// dGate = dh ∘ up ∘ f′(gate), dUp = dh ∘ f(gate), side by side in dx [N, 2F].
extern "C" __global__ void gated_activation_gradient(
    const element* dh, int64 dh_stride, const element* x, int64 x_stride, element* dx, int64 dx_stride, int rows, int64 columns)
{
    struct Operands { Pack<element> gradient, gate, up; };
    for_matrix_ahead(dh, dh_stride, rows, columns, [=](int row, const Cut& cut, int64 pack) {
        const element* gate = x + row * x_stride;
        return Operands{cut.load(dh + row * dh_stride, pack), cut.load(gate, pack), cut.load(gate + columns, pack)};
    }, [=](int row, const Cut& cut, int64 pack, const Operands& from) {
        float gate_values[VECTOR], up_values[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++)
        {
            float slope;
            const float value = Function::value(from.gate[i], slope);
            gate_values[i] = from.gradient[i] * from.up[i] * slope;
            up_values[i] = from.gradient[i] * value;
        }

        element* target = dx + row * dx_stride;
        cut.store(target, pack, gate_values);
        cut.store(target + columns, pack, up_values);
    });
}
KERNEL(gated_activation_gradient)
