using Litespark.Data;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Training;

namespace Litespark.Tests.Planning;

/// <summary>A toy model loaded for training, with the same weights for the same seed.</summary>
internal sealed class ToyStep : IDisposable
{
    readonly MicroBatch[] batches;

    public ToyStep(IDevice device, TransformerSpec spec, PlanOptions options, OptimizerSettings? optimizer = null, int microBatches = 1, int rows = 3, int length = 17,
        Func<int, bool>? isWhole = null, SparsitySettings? sparsity = null)
    {
        Program = ProgramBuilder.Training(Transformer.Function(spec), options, optimizer ?? new OptimizerSettings(), rows, length, device: device.Profile, sparsity: sparsity);
        Loaded = device.Load(Program);
        ParameterStore.Initialize(Loaded, 7);
        batches = [.. Enumerable.Range(0, microBatches).Select(i => ToyModels.Batch(rows, length, spec.VocabSize, i))];
        for (int i = 0; i < microBatches; i++)
            if (isWhole?.Invoke(i) == true) batches[i].DocumentStarts.Clear();
        TargetCount = batches.Sum(batch => batch.CountTargets());
        Step = new TrainingStep(Loaded, optimizer ?? new OptimizerSettings());
    }

    public StepProgram Program { get; }

    public ILoadedProgram Loaded { get; }

    public TrainingStep Step { get; }

    public IReadOnlyList<MicroBatch> Batches => batches;

    public long TargetCount { get; }

    public StepPlan First => Program.Plans[ProgramBuilder.FirstMicroBatch];

    public StepPlan Next => Program.Plans[ProgramBuilder.NextMicroBatch];

    public double RunGradients() => Step.RunGradients(batches, TargetCount);

    public StepResult Run(int step) => Step.Run(batches, TargetCount, step, 1e-2, 1e-2);

    public Dictionary<string, float[]> Gradients() => ReadAll(ParameterStore.Gradients(Loaded));

    public Dictionary<string, float[]> Weights() => ReadAll(ParameterStore.Weights(Loaded));

    public void Dispose()
    {
        foreach (MicroBatch batch in batches) batch.Dispose();
        Loaded.Dispose();
    }

    public static Dictionary<string, float[]> ReadAll(ITensorStore store) => store.Tensors.ToDictionary(tensor => tensor.Name, tensor =>
    {
        var values = new float[tensor.Length];
        store.Read(tensor.Name, values);
        return values;
    });
}
