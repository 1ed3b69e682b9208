using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Tests.Devices.Cuda.Emulation;
using static Litespark.Graphs.DataType;
using static Litespark.Tests.Devices.Cuda.Ops.TrialOperands;

namespace Litespark.Tests.Devices.Cuda.Ops;

/// <summary>Every form of a memory-bound kernel computes what the CPU does, in bf16, at sizes that leave packs, teams and blocks unfilled.</summary>
public sealed class MemoryFormTests
{
    readonly TrialOperands operands = new();

    [EmulatedTheory]
    [InlineData(5, 48, 0)]
    [InlineData(3, 6200, 16)]
    [InlineData(70, 8, 0)]
    [InlineData(3, 44, 4)]
    public void Gated_linear_units(int rows, int columns, int gap)
    {
        var forward = new GatedActivation(ActivationKind.Silu);
        var backward = new GatedActivationGradient(ActivationKind.Silu);
        Shape half = new(rows, columns), whole = new(rows, 2 * columns);
        ForEach(forward, (trial, form) =>
        {
            TrialTensor h = Result(half, BFloat16, gap), dx = Result(whole, BFloat16, gap), x = operands.Numbers(whole, BFloat16, gap);
            trial.Run(forward, (binding, call) => ActivationOps.GatedActivation(binding, call, forward), [x], [h]);
            trial.Run(backward, (binding, call) => ActivationOps.GatedActivationGradient(binding, call, backward), [operands.Numbers(half, BFloat16, gap), operands.Numbers(whole, BFloat16, gap)], [dx]);
            h.AssertClose($"h, {form}", Tolerance(BFloat16));
            dx.AssertClose($"dx, {form}", Tolerance(BFloat16));
        });
    }

    [EmulatedTheory]
    [InlineData(9, 8, 0)]
    [InlineData(2, 2056, 8)]
    [InlineData(2, 33_000, 0)]
    [InlineData(5, 44, 4)]
    public void Softmax_and_its_gradient(int rows, int columns, int gap)
    {
        var shape = new Shape(rows, columns);
        ForEach(new Softmax(), (trial, form) =>
        {
            TrialTensor y = Result(shape, BFloat16, gap), x = operands.Numbers(shape, BFloat16, gap), dx = operands.Numbers(shape, BFloat16, gap);
            trial.Run(new Softmax(), SoftmaxOps.Softmax, [x], [y]);
            trial.Run(new Softmax(), SoftmaxOps.Softmax, [x], [x]);
            y.AssertClose($"y, {form}", Tolerance(BFloat16));
            x.AssertClose($"y in place, {form}", Tolerance(BFloat16));
            trial.Run(new SoftmaxGradient(), SoftmaxOps.SoftmaxGradient, [dx, operands.Numbers(shape, BFloat16, gap)], [dx]);
            dx.AssertClose($"dx, {form}", Tolerance(BFloat16));
        });
    }

    [EmulatedTheory]
    [InlineData(5, 3, 64, 64)]
    [InlineData(3, 7, 64, 32)]
    [InlineData(3, 18, 128, 128)]
    [InlineData(200, 1, 16, 16)]
    public void Rotary_embedding(int tokens, int heads, int headDim, int rotaryDim)
    {
        const int Positions = 9;
        var op = new Rope(headDim, rotaryDim);
        Shape shape = new(tokens, heads * headDim), tables = new(Positions, rotaryDim / 2);
        ForEach(op, (trial, form) =>
        {
            TrialTensor y = Result(shape, BFloat16, 8);
            trial.Run(op, (binding, call) => RopeOps.Rope(binding, call, op),
                [operands.Numbers(shape, BFloat16, 8), operands.Integers(tokens, Positions), operands.Numbers(tables, Float32), operands.Numbers(tables, Float32)], [y]);
            y.AssertClose($"y, {form}", Tolerance(BFloat16));
        });
    }

    [EmulatedTheory]
    [InlineData(23, 2056, 2056)]
    [InlineData(70, 1024, 1024)]
    [InlineData(11, 192, 24)]
    public void Gradients_of_norms(int rows, int columns, int groupSize)
    {
        Op op = new RmsNormGradient(groupSize).WithAddend(0);
        var shape = new Shape(rows, columns);
        ForEach(op, (trial, form) =>
        {
            TrialTensor dx = Result(shape, BFloat16), dWeight = Result(new Shape(groupSize), Float32), inverse = new(new Shape(rows * columns / groupSize), Float32, i => 0.5 + i % 3);
            trial.Run(op, (binding, call) => NormOps.RmsNormGradient(binding, call, (RmsNormGradient)op),
                [operands.Numbers(shape, BFloat16), operands.Numbers(shape, BFloat16), operands.Numbers(new Shape(groupSize), BFloat16), inverse, operands.Numbers(shape, BFloat16)], [dx, dWeight]);
            dx.AssertClose($"dx, {form}", Tolerance(BFloat16));
            dWeight.AssertClose($"dWeight, {form}", 1e-4);
        });
    }

    [EmulatedFact]
    public void Teams_that_share_a_block_wait_for_their_own_warps()
        => KernelBugs.AssertFound("teams.cuh", "else barrier_sync(1 + team_index(), TEAM);", "else __syncwarp();", planted =>
        {
            Op op = new RmsNormGradient(2056);
            var shape = new Shape(12, 2056);
            using var trial = new OpTrial((uint)planted.Seed, texts: planted.Texts);
            TrialTensor dx = Result(shape, BFloat16), dWeight = Result(new Shape(2056), Float32), inverse = new(new Shape(12), Float32, _ => 1);
            trial.Run(op, (binding, call) => NormOps.RmsNormGradient(binding, call, (RmsNormGradient)op),
                [operands.Numbers(shape, BFloat16), operands.Numbers(shape, BFloat16), operands.Numbers(new Shape(2056), BFloat16), inverse], [dx, dWeight]);
            dx.AssertClose("dx", Tolerance(BFloat16));
            dWeight.AssertClose("dWeight", 1e-4);
        });

    static void ForEach(Op op, Action<OpTrial, string> run)
    {
        foreach (MemoryForm form in MemoryForm.Of(op))
        {
            using var trial = new OpTrial(seed: 3) { Form = form };
            run(trial, form.Name);
        }
    }
}
