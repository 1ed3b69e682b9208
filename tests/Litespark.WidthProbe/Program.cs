// Trains a tiny model for a few steps and prints the register width and every loss and gradient norm, one line per plan.
// Tests start it with the runtime's switches that take instruction sets away, which can't be changed within a process.
using System.Globalization;
using Litespark.Data;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Simd;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Training;

const int Rows = 2, Length = 19, Steps = 3;
var spec = new TransformerSpec
{
    HiddenSize = 24, IntermediateSize = 40, NumHiddenLayers = 2, NumAttentionHeads = 4, NumKeyValueHeads = 2, HeadDim = 6, VocabSize = 37,
    InitializerRange = 0.3,
};
using var batch = new MicroBatch(Rows, Length);
for (int i = 0; i < batch.Length; i++)
{
    batch.Tokens[i] = i * 31 % spec.VocabSize;
    batch.Targets[i] = i % 7 == 0 ? MicroBatch.IgnoredTarget : i * 17 % spec.VocabSize;
    batch.DocumentStarts[i] = i % Length < 8 ? 0 : 8;
    batch.Positions[i] = i % Length - batch.DocumentStarts[i];
}

Console.WriteLine(SimdWidth.Count);
foreach (PlanOptions options in (PlanOptions[])[PlanOptions.Baseline, PlanOptions.Litespark])
{
    using var device = new CpuDevice(2);
    using ILoadedProgram loaded = device.Load(ProgramBuilder.Training(Transformer.Function(spec), options, new OptimizerSettings(), Rows, Length));
    ParameterStore.Initialize(loaded, 1);
    var step = new TrainingStep(loaded, new OptimizerSettings());
    for (int i = 1; i <= Steps; i++)
    {
        StepResult result = step.Run([batch], batch.CountTargets(), i, 1e-3);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{result.Loss:R} {result.GradientNorm:R}"));
    }
}
