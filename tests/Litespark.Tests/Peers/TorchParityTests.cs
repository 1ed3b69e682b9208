using Litespark.Checkpoints;
using Litespark.Data;
using Litespark.Devices.Cpu;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Tests.Planning;
using Litespark.Training;
using Xunit.Abstractions;

namespace Litespark.Tests.Peers;

/// <summary>The reference's results for all architectures, made once in one Python process.</summary>
public sealed class TorchResults : IDisposable
{
    const int Rows = 3, Length = 23;

    static readonly (string Name, TransformerSpec Spec)[] Architectures =
    [
        ("llama2", ToyModels.Spec("llama")), ("llama3", ToyModels.Spec("llama3")), ("llama3-tied", ToyModels.Spec("llama3") with { TieWordEmbeddings = true }),
        ("llama-biased", ToyModels.Spec("llama-biased")), ("mistral", ToyModels.Spec("mistral")), ("qwen2", ToyModels.Spec("qwen2")),
        ("qwen3", ToyModels.Spec("qwen3")), ("gpt2", ToyModels.Spec("gpt2")),
    ];

    readonly string root = Directory.CreateTempSubdirectory("litespark-parity-").FullName;
    readonly Dictionary<string, Dictionary<string, PeerTensor>> results = [];

    public TorchResults()
    {
        IsAvailable = TorchPeer.IsAvailable(out string reason);
        Reason = reason;
        if (!IsAvailable) return;
        using MicroBatch batch = Batch();
        Dictionary<string, PeerTensor>[] steps = TorchPeer.MakeAndStep([.. Architectures.Select(model
            => (Folder(model.Name), HuggingFaceConfig.ToJson(model.Spec).ToJsonString(), batch, AdamW))]);
        for (int i = 0; i < steps.Length; i++) results[Architectures[i].Name] = steps[i];
    }

    internal static TorchAdamW AdamW { get; } = new(5) { LearningRate = 1e-2 };

    public bool IsAvailable { get; }

    public string Reason { get; }

    public static TheoryData<string> Names => [.. Architectures.Select(model => model.Name)];

    public string Folder(string name) => Path.Combine(root, name);

    internal Dictionary<string, PeerTensor> this[string name] => results[name];

    /// <summary>Packed documents, restarting positions, ignored targets.</summary>
    internal static MicroBatch Batch() => ToyModels.Batch(Rows, Length, ToyModels.Spec("llama").VocabSize, seed: 21);

    public void Dispose() => Directory.Delete(root, recursive: true);
}

/// <summary>A whole step against PyTorch from the same weights: logits, loss, every gradient, five AdamW steps, in both plans.</summary>
public sealed class TorchParityTests(TorchResults torch, ITestOutputHelper output) : IClassFixture<TorchResults>
{
    /// <summary>Norm of a tensor's difference over its norm.</summary>
    const double Tolerance = 1e-4;

    [Theory]
    [MemberData(nameof(TorchResults.Names), MemberType = typeof(TorchResults))]
    public void A_step_equals_PyTorch(string name)
    {
        if (!torch.IsAvailable)
        {
            output.WriteLine($"not run: {torch.Reason}");
            return;
        }

        foreach (PlanOptions options in (PlanOptions[])[PlanOptions.Baseline, PlanOptions.Litespark])
        {
            var errors = new SortedDictionary<string, double>();
            Compare(name, options, errors);
            string plan = options.Passes.Count == 0 ? "baseline" : "litespark";
            output.WriteLine($"{name} {plan}: {string.Join(", ", errors.Select(error => $"{error.Key} {error.Value:0.0e+0}"))}");
        }
    }

    void Compare(string name, PlanOptions options, SortedDictionary<string, double> errors)
    {
        Dictionary<string, PeerTensor> expected = torch[name];
        using MicroBatch batch = TorchResults.Batch();
        TransformerSpec spec = HuggingFaceFolder.ReadSpec(torch.Folder(name));
        OptimizerSettings optimizer = Optimizer();
        using var device = new CpuDevice(2);
        using ILoadedProgram loaded = device.Load(Program(spec, options, optimizer, batch));
        HuggingFaceFolder.LoadWeights(torch.Folder(name), spec, ParameterStore.Weights(loaded));

        void Check(string kind, string tensor, ReadOnlySpan<float> ours)
        {
            double error = expected[tensor].NormErrorOf(ours);
            errors[kind] = Math.Max(errors.GetValueOrDefault(kind), error);
            Assert.True(error < Tolerance, $"{name}: {tensor} is off by {error:0.0e+0}");
        }

        MicroBatch[] batches = [batch];
        int count = batch.CountTargets();
        var step = new TrainingStep(loaded, optimizer);
        Check("loss", "loss", [(float)step.RunGradients(batches, count)]);
        loaded.Run(loaded.Program.Plans["logits"]);
        var logits = new float[batch.Length * spec.VocabSize];
        loaded.Read<float>(loaded.Program.Layout["logits"], 0, logits);
        Check("logits", "logits", logits);
        Dictionary<string, float[]> gradients = ToyStep.ReadAll(ParameterStore.Gradients(loaded));
        Assert.Equal(expected.Keys.Where(key => key.StartsWith("grad.", StringComparison.Ordinal)).Order(), gradients.Keys.Order());
        foreach ((string tensor, float[] gradient) in gradients) Check("gradient", tensor, gradient);

        StepResult[] steps = [.. Enumerable.Range(1, TorchResults.AdamW.Steps).Select(i => step.Run(batches, count, i, TorchResults.AdamW.LearningRate))];
        Check("losses", "losses", Array.ConvertAll(steps, result => (float)result.Loss));
        Check("norms", "grad_norms", Array.ConvertAll(steps, result => (float)result.GradientNorm));
        foreach ((string tensor, float[] weights) in ToyStep.ReadAll(ParameterStore.Weights(loaded)))
        {
            if (tensor.EndsWith("c_attn.bias", StringComparison.Ordinal)) TakeKeyBias(expected["weight." + tensor].Values, weights);
            Check("weights", "weight." + tensor, weights);
        }
    }

    /// <summary>
    /// Without rotary positions a bias on the keys shifts all scores of a query alike, so its gradient is zero but for rounding,
    /// whose sign Adam turns into whole steps: nothing to compare.
    /// </summary>
    static void TakeKeyBias(double[] reference, float[] ours)
    {
        int third = ours.Length / 3;
        for (int i = third; i < 2 * third; i++) ours[i] = (float)reference[i];
    }

    static StepProgram Program(TransformerSpec spec, PlanOptions options, OptimizerSettings optimizer, MicroBatch batch)
    {
        var builder = new ProgramBuilder(Transformer.Function(spec), options);
        builder.AddMicroBatch(ProgramBuilder.FirstMicroBatch, batch.Rows, batch.SequenceLength, optimizer, accumulate: false);
        builder.AddMicroBatch(ProgramBuilder.NextMicroBatch, batch.Rows, batch.SequenceLength, optimizer, accumulate: true);
        builder.AddUpdate(optimizer);
        builder.AddEvaluate(batch.Rows, batch.SequenceLength);
        builder.AddLogits(batch.Rows, batch.SequenceLength);
        return builder.Build();
    }

    static OptimizerSettings Optimizer() => new()
    {
        Beta1 = TorchResults.AdamW.Beta1, Beta2 = TorchResults.AdamW.Beta2, Epsilon = TorchResults.AdamW.Epsilon,
        WeightDecay = TorchResults.AdamW.WeightDecay, GradientClip = TorchResults.AdamW.Clip,
    };
}
