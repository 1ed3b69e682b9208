using Litespark.Data;
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
    readonly StepPlan first, next, update, evaluate;
    readonly PersistentTensor tokens, targets, positions, documentStarts, lossScale, loss, tokenLosses, schedule, gradientNorm;

    /// <summary>Binds to a program from <see cref="ProgramBuilder.Training"/>.</summary>
    public TrainingStep(ILoadedProgram program, OptimizerSettings optimizer)
    {
        this.program = program;
        this.optimizer = optimizer;
        IReadOnlyDictionary<string, StepPlan> plans = program.Program.Plans;
        (first, next, update, evaluate) = (plans[ProgramBuilder.FirstMicroBatch], plans[ProgramBuilder.NextMicroBatch], plans[ProgramBuilder.Update], plans[ProgramBuilder.Evaluate]);
        PersistentLayout layout = program.Program.Layout;
        (tokens, targets, positions, documentStarts) = (layout["tokens"], layout["targets"], layout["positions"], layout["document_starts"]);
        (lossScale, loss, tokenLosses, schedule, gradientNorm) = (layout["loss_scale"], layout["loss"], layout["token_losses"], layout["schedule"], layout["gradient_norm"]);
    }

    /// <summary>Runs forward and backward over all micro-batches; gradients and loss are left in the program.</summary>
    /// <param name="batches">The micro-batches of the global batch.</param>
    /// <param name="targetCount">Unmasked targets in all of them.</param>
    /// <returns>The mean loss.</returns>
    public double RunGradients(ReadOnlySpan<MicroBatch> batches, long targetCount)
    {
        if (targetCount <= 0) throw new ArgumentOutOfRangeException(nameof(targetCount), "a global batch needs at least one target that is not ignored");
        Span<float> scalar = [(float)(1.0 / targetCount)];
        program.Write<float>(lossScale, 0, scalar);
        for (int i = 0; i < batches.Length; i++)
        {
            WriteInputs(batches[i]);
            program.Run(i == 0 ? first : next);
        }

        program.Read(loss, 0, scalar);
        return scalar[0] / (double)targetCount;
    }

    /// <summary>Clips and updates.</summary>
    /// <param name="step">Number of this update, from 1.</param>
    /// <param name="learningRate">AdamW's learning rate.</param>
    /// <param name="muonLearningRate">Muon's learning rate.</param>
    /// <returns>The gradient norm before clipping.</returns>
    public double RunUpdate(long step, double learningRate, double muonLearningRate)
    {
        Span<float> values =
        [
            (float)learningRate, (float)(1 - Math.Pow(optimizer.Beta1, step)), (float)(1 - Math.Pow(optimizer.Beta2, step)), (float)muonLearningRate,
        ];
        program.Write<float>(schedule, 0, values);
        program.Run(update);
        program.Read(gradientNorm, 0, values[..1]);
        return values[0];
    }

    /// <summary>One whole step.</summary>
    public StepResult Run(ReadOnlySpan<MicroBatch> batches, long targetCount, long step, double learningRate, double muonLearningRate = 0)
    {
        double mean = RunGradients(batches, targetCount);
        return new StepResult(mean, RunUpdate(step, learningRate, muonLearningRate));
    }

    /// <summary>Sum of the losses of a batch in nats, without gradients.</summary>
    public double Evaluate(MicroBatch batch)
    {
        WriteInputs(batch);
        program.Run(evaluate);
        Span<float> sum = [0];
        program.Read(loss, 0, sum);
        return sum[0];
    }

    /// <summary>Losses token by token of the last <see cref="Evaluate"/> [N].</summary>
    public void ReadTokenLosses(Span<float> destination) => program.Read(tokenLosses, 0, destination);

    void WriteInputs(MicroBatch batch)
    {
        program.Write<int>(tokens, 0, batch.Tokens);
        program.Write<int>(targets, 0, batch.Targets);
        program.Write<int>(positions, 0, batch.Positions);
        program.Write<int>(documentStarts, 0, batch.DocumentStarts);
    }
}
