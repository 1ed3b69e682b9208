using Litespark.Data;
using Litespark.Data.Loading;
using Litespark.Planning;

namespace Litespark.Training;

/// <summary>What one step found.</summary>
/// <param name="Loss">Mean loss over all unmasked target tokens of the global batch, nats.</param>
/// <param name="GradientNorm">Global gradient norm before clipping.</param>
public readonly record struct StepResult(double Loss, double GradientNorm);

/// <summary>
/// One optimiser step over a loaded training program: the micro-batches, then the update. Every loss and gradient is
/// normalised by the number of unmasked targets of the whole global batch. Allocates no managed memory.
/// </summary>
public sealed class TrainingStep
{
    readonly ILoadedProgram program;
    readonly OptimizerSettings optimizer;
    readonly StepPlan first, next, clip, update, evaluate;
    readonly int vocabulary;
    readonly PersistentTensor tokens, targets, positions, documentStarts, lossScale, loss, tokenLosses, schedule, gradientNorm;

    /// <summary>Binds to a program from <see cref="ProgramBuilder.Training"/>.</summary>
    public TrainingStep(ILoadedProgram program, OptimizerSettings optimizer)
    {
        this.program = program;
        this.optimizer = optimizer;
        IReadOnlyDictionary<string, StepPlan> plans = program.Program.Plans;
        (first, next, clip, update, evaluate) = (plans[ProgramBuilder.FirstMicroBatch], plans[ProgramBuilder.NextMicroBatch], plans[ProgramBuilder.Clip], plans[ProgramBuilder.Update], plans[ProgramBuilder.Evaluate]);
        PersistentLayout layout = program.Program.Layout;
        vocabulary = program.Program.Vocabulary;
        (tokens, targets, positions, documentStarts) = (layout["tokens"], layout["targets"], layout["positions"], layout["document_starts"]);
        (lossScale, loss, tokenLosses, schedule, gradientNorm) = (layout["loss_scale"], layout["loss"], layout["token_losses"], layout["schedule"], layout["gradient_norm"]);
    }

    /// <summary>Runs forward and backward over all micro-batches; gradients and loss are left in the program.</summary>
    /// <param name="batches">The micro-batches of the global batch.</param>
    /// <param name="targetCount">Unmasked targets in all of them.</param>
    /// <returns>The mean loss.</returns>
    public double RunGradients(IReadOnlyList<MicroBatch> batches, long targetCount)
    {
        RunMicroBatches(batches, targetCount);
        return Read(loss) / targetCount;
    }

    /// <summary><see cref="RunGradients"/> and <see cref="RunClip"/>; a device that runs on its own is waited for once, not twice.</summary>
    public StepResult RunGradientsAndClip(IReadOnlyList<MicroBatch> batches, long targetCount)
    {
        RunMicroBatches(batches, targetCount);
        program.Run(clip);
        return new StepResult(Read(loss) / targetCount, Read(gradientNorm));
    }

    void RunMicroBatches(IReadOnlyList<MicroBatch> batches, long targetCount)
    {
        if (targetCount <= 0) throw new ArgumentOutOfRangeException(nameof(targetCount), "a global batch needs at least one target that is not ignored");
        Span<float> scalar = [(float)(1.0 / targetCount)];
        program.Write<float>(lossScale, 0, scalar);
        for (int i = 0; i < batches.Count; i++)
        {
            WriteInputs(batches[i]);
            program.Run(i == 0 ? first : next);
        }
    }

    double Read(PersistentTensor scalar)
    {
        Span<float> value = [0];
        program.Read(scalar, 0, value);
        return value[0];
    }

    /// <summary>Computes the global gradient norm and the factor that the update clips by.</summary>
    /// <returns>The norm before clipping.</returns>
    public double RunClip()
    {
        program.Run(clip);
        return Read(gradientNorm);
    }

    /// <summary>Updates the weights from the clipped gradients, and waits for the end of the step, so that its time is its own.</summary>
    /// <param name="step">Number of this update, from 1.</param>
    /// <param name="learningRate">AdamW's learning rate.</param>
    /// <param name="muonLearningRate">Muon's learning rate.</param>
    public void RunUpdate(long step, double learningRate, double muonLearningRate)
    {
        Span<float> values =
        [
            (float)learningRate, (float)(1 - Math.Pow(optimizer.Beta1, step)), (float)(1 - Math.Pow(optimizer.Beta2, step)), (float)muonLearningRate,
        ];
        program.Write<float>(schedule, 0, values);
        program.Run(update);
        program.Finish();
    }

    /// <summary>One whole step.</summary>
    public StepResult Run(IReadOnlyList<MicroBatch> batches, long targetCount, long step, double learningRate, double muonLearningRate = 0)
    {
        StepResult result = RunGradientsAndClip(batches, targetCount);
        RunUpdate(step, learningRate, muonLearningRate);
        return result;
    }

    /// <summary>Sum of the losses of a batch in nats, without gradients.</summary>
    public double Evaluate(MicroBatch batch)
    {
        WriteInputs(batch);
        program.Run(evaluate);
        return Read(loss);
    }

    /// <summary>Mean loss over a whole validation set in nats, and bits per byte where its bytes are known.</summary>
    public (double Loss, double? BitsPerByte) Evaluate(ValidationLoader validation)
    {
        validation.Reset();
        double sum = 0;
        long count = 0;
        while (validation.TryNext(out MicroBatch batch, out int batchTargets))
        {
            if (batchTargets == 0) continue;
            sum += Evaluate(batch);
            count += batchTargets;
        }

        double mean = sum / count;
        return (mean, validation.BitsPerByte(mean));
    }

    /// <summary>Losses token by token of the last <see cref="Evaluate(MicroBatch)"/> [N].</summary>
    public void ReadTokenLosses(Span<float> destination) => program.Read(tokenLosses, 0, destination);

    void WriteInputs(MicroBatch batch)
    {
        batch.Check(vocabulary);
        program.Write<int>(tokens, 0, batch.Tokens);
        program.Write<int>(targets, 0, batch.Targets);
        program.Write<int>(positions, 0, batch.Positions);
        program.Write<int>(documentStarts, 0, batch.DocumentStarts);
    }
}
