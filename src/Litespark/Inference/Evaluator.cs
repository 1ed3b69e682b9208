using Litespark.Data;
using Litespark.Data.Loading;
using Litespark.Planning;
using Litespark.Training;

namespace Litespark.Inference;

/// <summary>What an evaluation found.</summary>
/// <param name="Loss">Mean loss over all targets, nats.</param>
/// <param name="BitsPerByte">Bits per byte of text; null where the bytes are not known.</param>
/// <param name="Tokens">Targets that were predicted.</param>
/// <param name="Bytes">Bytes of the text; null where they are not known.</param>
public sealed record EvaluationResult(double Loss, double? BitsPerByte, long Tokens, long? Bytes)
{
    /// <summary>exp(loss).</summary>
    public double Perplexity => Math.Exp(Loss);
}

/// <summary>Measures a model on held-out text, with a program that does nothing else: no gradients, no optimiser state.</summary>
public sealed class Evaluator : IDisposable
{
    readonly ILoadedProgram program;
    readonly StepPlan plan;
    readonly PersistentTensor tokens, targets, positions, documentStarts, loss;

    /// <summary>Allocates the weights (zero); fill them through <see cref="Weights"/>.</summary>
    /// <param name="device">Where it runs.</param>
    /// <param name="model">The model.</param>
    /// <param name="rows">Sequences of a batch.</param>
    /// <param name="sequenceLength">Tokens of a sequence; at most the model's positions.</param>
    /// <param name="options">Passes; all by default.</param>
    public Evaluator(IDevice device, ModelFunction model, int rows, int sequenceLength, PlanOptions? options = null)
    {
        var builder = new ProgramBuilder(model, options ?? PlanOptions.Litespark, _ => false, device.Profile);
        builder.AddEvaluate(rows, sequenceLength);
        program = device.Load(builder.Build());
        plan = program.Program.Plans[ProgramBuilder.Evaluate];
        PersistentLayout layout = program.Program.Layout;
        (tokens, targets, positions, documentStarts, loss) = (layout["tokens"], layout["targets"], layout["positions"], layout["document_starts"], layout["loss"]);
        Weights = ParameterStore.Weights(program);
    }

    /// <summary>The weights under their canonical names.</summary>
    public ITensorStore Weights { get; }

    /// <summary>Sum of the losses of a batch's targets, nats.</summary>
    public double SumLosses(MicroBatch batch)
    {
        batch.Check(program.Program.Vocabulary);
        program.Write<int>(tokens, 0, batch.Tokens);
        program.Write<int>(targets, 0, batch.Targets);
        program.Write<int>(positions, 0, batch.Positions);
        program.Write<int>(documentStarts, 0, batch.DocumentStarts);
        program.Run(plan);
        Span<float> sum = [0];
        program.Read(loss, 0, sum);
        return sum[0];
    }

    /// <summary>Goes through all batches of a validation set; every target counts the same.</summary>
    /// <param name="data">The text; its rows and sequence length are the evaluator's.</param>
    /// <param name="progress">Called with the share done.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="UserErrorException">There is nothing to predict in it.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public EvaluationResult Evaluate(ValidationLoader data, Action<double>? progress = null, CancellationToken cancellation = default)
    {
        double sum = 0;
        long count = 0, batches = 0;
        data.Reset();
        while (data.TryNext(out MicroBatch batch, out int batchTargets))
        {
            cancellation.ThrowIfCancellationRequested();
            if (batchTargets > 0) sum += SumLosses(batch);
            count += batchTargets;
            progress?.Invoke((double)++batches / data.Batches);
        }

        if (count == 0) throw new UserErrorException("The text to evaluate on holds nothing to predict: at least one document of two tokens is needed.");
        double mean = sum / count;
        return new EvaluationResult(mean, data.BitsPerByte(mean), count, data.Bytes);
    }

    /// <inheritdoc/>
    public void Dispose() => program.Dispose();
}
