using System.Text;
using Litespark.Checkpoints;
using Litespark.Data;
using Litespark.Devices.Cpu;
using Litespark.Inference;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Tests.Planning;
using Litespark.Tokenization;
using Litespark.Training;

namespace Litespark.Tests.Inference;

/// <summary>A small tokenizer, and models with random weights that speak its tokens.</summary>
static class ToyText
{
    public const string Corpus = "the cat sat on the mat. the dog sat on the log. where is the 🐈? naïve café, ünïcödé. the end of the story.";

    public static readonly Tokenizer Tokenizer = BpeTrainer.Train(
        [Encoding.UTF8.GetBytes(Corpus)], new BpeTrainerOptions { VocabSize = 290, Threads = 1 });

    public static TransformerSpec Spec(string family = "llama-tied-gqa") => ToyModels.Spec(family) with { VocabSize = Tokenizer.VocabSize };

    public static CachedModel Model(CpuDevice device, TransformerSpec spec, int capacity, PlanOptions? plan = null)
    {
        var model = new CachedModel(device, Transformer.Function(spec), capacity, plan);
        WeightCopy.CopyWeights(RandomWeights(device, spec), model.Weights);
        return model;
    }

    public static ITensorStore RandomWeights(CpuDevice device, TransformerSpec spec)
    {
        var builder = new ProgramBuilder(Transformer.Function(spec), PlanOptions.Baseline);
        builder.AddLogits(1, 1);
        using ILoadedProgram program = device.Load(builder.Build());
        ParameterStore.Initialize(program, 11);
        ParameterStore weights = ParameterStore.Weights(program);
        var copy = new DictionaryTensorStore(weights.Tensors);
        WeightCopy.CopyWeights(weights, copy);
        return copy;
    }

    /// <summary>Logits [N, V] of a batch by the plan that training uses, no cache involved.</summary>
    public static float[] FullLogits(CpuDevice device, TransformerSpec spec, MicroBatch batch)
    {
        var builder = new ProgramBuilder(Transformer.Function(spec), PlanOptions.Baseline);
        builder.AddLogits(batch.Rows, batch.SequenceLength);
        using ILoadedProgram program = device.Load(builder.Build());
        ParameterStore.Initialize(program, 11);
        PersistentLayout layout = program.Program.Layout;
        program.Write<int>(layout["tokens"], 0, batch.Tokens);
        program.Write<int>(layout["positions"], 0, batch.Positions);
        program.Write<int>(layout["document_starts"], 0, batch.DocumentStarts);
        program.Run(program.Program.Plans["logits"]);
        var logits = new float[(long)batch.Length * spec.VocabSize];
        program.Read(layout["logits"], 0, logits.AsSpan());
        return logits;
    }

    /// <summary>As one text from position 0 on.</summary>
    public static float[] FullLogits(CpuDevice device, TransformerSpec spec, ReadOnlySpan<int> tokens)
    {
        using var batch = new MicroBatch(1, tokens.Length);
        tokens.CopyTo(batch.Tokens);
        for (int i = 0; i < tokens.Length; i++) batch.Positions[i] = i;
        return FullLogits(device, spec, batch);
    }

    /// <summary>Bytes that an action allocates; other tests allocate meanwhile, so the least of many runs counts.</summary>
    public static long AllocatedBy(Action action)
    {
        long least = long.MaxValue;
        for (int attempt = 0; attempt < 100 && least > 0; attempt++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            action();
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        return least;
    }
}
