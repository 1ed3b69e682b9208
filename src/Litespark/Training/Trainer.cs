using System.Text.Json.Nodes;
using Litespark.Checkpoints;
using Litespark.Data.Loading;
using Litespark.Energy;
using Litespark.Energy.Clocks.Live;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Reporting;
using Litespark.Training.Sparsity;

namespace Litespark.Training;

/// <summary>Where and how a run is carried out, apart from what the recipe says.</summary>
public sealed record TrainerOptions
{
    /// <summary>Run folder.</summary>
    public required string Run { get; init; }

    /// <summary>Go on from the newest whole checkpoint.</summary>
    public bool Resume { get; init; }

    /// <summary>Told what takes time before the first step.</summary>
    public Action<string> Status { get; init; } = _ => { };

    /// <summary>Writes sample text from the weights: (weights, sample number) → text; null = no samples.</summary>
    public Func<ITensorStore, int, string>? Sample { get; init; }

    /// <summary>
    /// Starts the process that restores the clocks of these GPUs if this process dies (<see cref="ClockWatchdog"/>), for a recipe
    /// with <c>energy.clocks</c>; null = none, and a crash leaves clocks as they were.
    /// </summary>
    public Func<IReadOnlyList<string>, ClockWatchdog>? StartClockWatchdog { get; init; }

    /// <summary>Requests a stop: the step is finished, the state saved.</summary>
    public CancellationToken StopRequested { get; init; }

    /// <summary>File of NVIDIA's management library, or null for the system's; tests put a stand-in here.</summary>
    internal string? NvmlLibrary { get; init; }
}

/// <summary>
/// Trains a model by a recipe: steps, evaluations, checkpoints, metrics. Resuming is exact: the losses after a resume are
/// those of an undisturbed run, bit for bit.
/// </summary>
public sealed class Trainer : IDisposable
{
    /// <summary>Held-out tokens below which a validation loss is mostly chance.</summary>
    const long FewTokens = 1000;

    readonly TrainingSetup setup;
    readonly TrainerOptions options;
    readonly ITrainingObserver observer;
    readonly IDevice device;
    readonly CheckpointStore checkpoints;
    readonly LearningRateSchedule schedule;
    readonly LossGuard guard;
    readonly IEnergyMeter energy;
    readonly ClockController? clocks;
    readonly ValidationLoader? validation;
    readonly int microBatches;

    /// <summary>Opens what a run needs besides its program, which <see cref="Run"/> loads into the device.</summary>
    public Trainer(TrainingSetup setup, IDevice device, TrainerOptions options, ITrainingObserver observer)
    {
        this.setup = setup;
        this.device = device;
        this.options = options;
        this.observer = observer;
        Recipe recipe = setup.Recipe;
        microBatches = recipe.Training.GradientAccumulationSteps;
        checkpoints = new CheckpointStore(options.Run, recipe.Checkpoints.KeepLast);
        schedule = new LearningRateSchedule(recipe);
        guard = new LossGuard(recipe.Training.LossSpikeFactor);
        energy = EnergyMeters.Open(RecipeSettings.RunEnergy(recipe.Energy, device) with { NvmlLibrary = options.NvmlLibrary });
        if (recipe.Evaluation.EverySteps > 0)
        {
            long tokens = recipe.Evaluation.MaxTokens > 0 ? recipe.Evaluation.MaxTokens : long.MaxValue;
            validation = setup.Data.CreateValidation(recipe.Training.SequenceLength, recipe.Training.MicroBatchSize, tokens);
        }

        // Last: what was bound must be given back by Dispose.
        try
        {
            EnergyMeterOptions gpus = RecipeSettings.Energy(recipe.Energy, device) with { NvmlLibrary = options.NvmlLibrary };
            clocks = LiveClocks.Open(recipe.Energy, device, setup.Program, microBatches, options.StartClockWatchdog, gpus);
        }
        catch
        {
            validation?.Dispose();
            energy.Dispose();
            throw;
        }
    }

    /// <summary>Runs to the last step, to a stop request, or to a loss that is not to be trusted.</summary>
    /// <exception cref="UserErrorException">The folder holds another run, or its checkpoint does not fit the recipe: nothing in it has been touched.</exception>
    /// <exception cref="RunFailureException">The loss is not to be trusted, or the disk is full.</exception>
    public TrainingSummary Run()
    {
        using RunFolder folder = RunFolder.Open(options.Run);
        try
        {
            if (!options.Resume) RunFolder.RequireUnused(options.Run);
            (RunState State, string Path)? found = options.Resume ? FindCheckpoint() : null;
            RunState? state = found?.State;
            if (found is { State.Algorithms: not null }) UseAlgorithms(found.Value.State.Algorithms, found.Value.Path);
            using ILoadedProgram program = device.Load(setup.Program);
            foreach (string notice in device.Notices) observer.OnNotice(notice);
            if (found is { } checkpoint) Restore(program, checkpoint.State, checkpoint.Path);
            else InitializeWeights(program);
            SparseTraining? sparse = SparseTraining.Open(setup, program, device.Profile, microBatches, state, found?.Path);
            HybridAttention? attention = HybridAttention.Open(setup.Recipe, setup.Spec, program);
            using BatchLoader loader = setup.Data.CreateLoader(setup.Recipe.Training.SequenceLength, setup.Recipe.Training.MicroBatchSize, microBatches, state?.Loader);

            // Everything fits: only now is the folder written to.
            folder.SaveRecipe(setup.Recipe);
            MachineLog.Append(options.Run, state?.Step ?? 0, device);
            using MetricsWriter metrics = options.Resume ? MetricsWriter.Resume(options.Run, state?.Step ?? -1) : MetricsWriter.Create(options.Run);
            return new TrainingLoop(this, program, loader, metrics, sparse, attention, state, found?.Path).Run();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            string what = DurableFile.IsDiskFull(failure) ? "the disk is full." : $"it cannot be written: {failure.Message}";
            string next = File.Exists(Path.Combine(options.Run, RunFolder.RecipeFile))
                ? $"Saved checkpoints are untouched; when there is room again, go on with: litespark train --resume --out {options.Run}"
                : "Nothing was trained yet; make room, or choose another folder with --out.";
            throw new RunFailureException($"{options.Run}: {what} {next}", failure);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        clocks?.Dispose();
        validation?.Dispose();
        energy.Dispose();
    }

    void InitializeWeights(ILoadedProgram program)
    {
        if (setup.ModelFolder is { } source) HuggingFaceFolder.LoadWeights(source, setup.Spec, ParameterStore.Weights(program));
        else ParameterStore.Initialize(program, setup.Recipe.Training.Seed);
    }

    (RunState State, string Path)? FindCheckpoint()
    {
        LatestCheckpoint latest = checkpoints.FindLatest();
        if (latest.Path is not { } path)
        {
            // A save that was cut short is all there can be before the first checkpoint; a damaged one is worth more than a new start.
            if (latest.PassedOver.Any(passed => !passed.IsHalfWritten))
                throw new UserErrorException($"{options.Run}: none of the checkpoints is whole. {string.Join(" ", latest.PassedOver.Select(passed => $"{passed.Path}: {passed.Reason}."))} "
                    + "Restore one from a copy; or start a new run in another folder with --out.");
            observer.OnWarning($"{options.Run} has no checkpoint yet: starting from the beginning");
            return null;
        }

        foreach (PassedOverCheckpoint passed in latest.PassedOver) observer.OnWarning($"passed over {passed.Path}: {passed.Reason}");
        RunState state = RunState.FromJson(CheckpointStore.ReadState(path), path);
        CheckpointFit.Require(path, state, setup.Spec, OptimizerName());
        return (state, path);
    }

    void UseAlgorithms(JsonObject algorithms, string path)
    {
        try
        {
            device.UseAlgorithms(algorithms, observer.OnWarning);
        }
        catch (InvalidDataException error)
        {
            throw new UserErrorException($"{path}: {CheckpointContents.StateFileName}: {error.Message}. Its weights can still be used: model.path.", error);
        }
    }

    void Restore(ILoadedProgram program, RunState state, string path)
    {
        CheckpointStore.Load(path, setup.Spec, ParameterStore.Weights(program), ParameterStore.OptimizerState(program));
        (guard.Mean, guard.Count, guard.BadInARow) = (state.LossMean, state.LossCount, state.BadInARow);
    }

    string OptimizerName() => setup.Recipe.Optimizer.Name.ToString().ToLowerInvariant();

    /// <summary>The state of one call of <see cref="Trainer.Run"/>.</summary>
    sealed class TrainingLoop
    {
        readonly Trainer owner;
        readonly ILoadedProgram program;
        readonly TrainingStep step;
        readonly BatchLoader loader;
        readonly MetricsWriter metrics;
        readonly Recipe recipe;
        readonly StepMeter meter;
        readonly SparseTraining? sparse;
        readonly HybridAttention? attention;
        readonly DateTime started = DateTime.UtcNow;
        long done, updates, tokens;
        double? loss, evalLoss, bitsPerByte;
        string? lastCheckpoint, checkpointBefore;
        long lastCheckpointStep = -1;
        bool hasWarnedOfClocks;

        public TrainingLoop(Trainer owner, ILoadedProgram program, BatchLoader loader, MetricsWriter metrics, SparseTraining? sparse, HybridAttention? attention, RunState? state, string? checkpoint)
        {
            this.sparse = sparse;
            this.attention = attention;
            this.owner = owner;
            this.program = program;
            step = new TrainingStep(program, owner.setup.Optimizer);
            this.loader = loader;
            this.metrics = metrics;
            recipe = owner.setup.Recipe;
            meter = new StepMeter(owner.device, owner.energy, owner.setup, owner.microBatches, state is null ? 0 : state.Joules, state?.Flops ?? 0, state?.IsJoulesEstimate ?? false);
            if (state is null) return;
            (done, updates, tokens) = (state.Step, state.Updates, state.Tokens);
            (loss, evalLoss, bitsPerByte) = (state.Loss, state.EvalLoss, state.BitsPerByte);
            lastCheckpointStep = done;
            lastCheckpoint = checkpoint;
        }

        bool IsFinished => done >= recipe.Training.MaxSteps || (recipe.Training.MaxTokens is { } limit && tokens >= limit);

        public TrainingSummary Run()
        {
            owner.observer.OnStart(new TrainingStart
            {
                Run = owner.options.Run,
                Model = owner.setup.Name,
                Parameters = owner.setup.Program.Parameters.Count,
                Device = owner.device.Name,
                StepsDone = done,
                MaxSteps = recipe.Training.MaxSteps,
                EnergySource = meter.EnergySource,
                EnergyExplanation = owner.energy.Explanation,
                EnergyTerms = RecipeSettings.Terms(recipe.Energy),
            });
            if (owner.validation is null && recipe.Evaluation.EverySteps > 0) owner.observer.OnWarning("there is no validation data: nothing is evaluated (data.validation, data.validation_fraction)");
            if (owner.validation is { Tokens: < FewTokens } few) owner.observer.OnWarning($"only {few.Tokens} tokens are held out: their loss says little (data.validation, data.validation_fraction)");
            if (owner.clocks is not null && owner.options.StartClockWatchdog is null) owner.observer.OnWarning("nothing watches this process: if it is killed, the GPUs' clocks stay bound (energy.clocks)");
            if (IsFinished) owner.observer.OnWarning($"the run is at step {done} of {recipe.Training.MaxSteps} already: there is nothing to train; raise training.max_steps to go on");
            attention?.Begin(Math.Max(done, 1), sparse?.Plan(Math.Max(done, 1))); // as after the step that was the last
            if (IsEvaluationDue() && metrics.LastEvalStep != done) Evaluate();
            try
            {
                while (!IsFinished)
                {
                    if (owner.options.StopRequested.IsCancellationRequested) return End(TrainingOutcome.Interrupted);
                    Step();
                    if (IsEvaluationDue()) Evaluate();
                    if (recipe.Checkpoints.EverySteps > 0 && done % recipe.Checkpoints.EverySteps == 0 && !IsFinished) Save();
                }

                return End(TrainingOutcome.Completed);
            }
            catch (RunFailureException)
            {
                owner.observer.OnEnd(Summary(TrainingOutcome.Failed));
                throw;
            }
        }

        void Step()
        {
            StepBatch batch = loader.Next();
            meter.Start();
            owner.clocks?.StepStarted();
            SparseStep? plan = sparse?.Begin(done + 1, meter);
            attention?.Begin(done + 1, plan);
            double share = owner.schedule.At(done + 1), learningRate = recipe.Optimizer.LearningRate * share;
            (double mean, double norm) = step.RunGradientsAndClip(batch.MicroBatches, batch.TargetCount);
            LossProblem problem = owner.guard.Check(mean, norm);
            done++;
            tokens += batch.TokenCount;
            if (problem != LossProblem.None && (recipe.Training.OnNan == OnNan.Stop || owner.guard.IsHopeless))
            {
                Report(batch, mean, norm, learningRate);
                throw Untrustworthy(problem, mean, norm);
            }

            if (problem == LossProblem.None) step.RunUpdate(++updates, learningRate, recipe.Optimizer.MuonLearningRate * share);
            else owner.observer.OnWarning($"step {done}: loss {mean:0.###}, gradient norm {norm:0.###}: the update is skipped");
            TopologyMetrics? change = plan is { } sparsePlan ? sparse!.End(sparsePlan, problem == LossProblem.None ? mean : null, meter) : null;
            if (attention is not null) meter.AttentionShare = attention.Share(batch.MicroBatches.Count);
            owner.clocks?.StepEnded();
            Report(batch, mean, norm, learningRate);
            if (change is not null) Report(change);
            WarnOfClocks();
            while (owner.energy.TakeWarning() is { } warning) owner.observer.OnWarning(warning);
            if (done % recipe.Logging.EverySteps == 0) meter.SamplePeak();
        }

        void WarnOfClocks()
        {
            if (hasWarnedOfClocks || owner.clocks?.Problem is not { } problem) return;
            hasWarnedOfClocks = true;
            owner.observer.OnWarning($"clocks are left to the GPU from here on: {problem}");
        }

        void Report(StepBatch batch, double mean, double norm, double learningRate)
        {
            loss = mean;
            StepMetrics row = meter.Stop(done, batch.TokenCount, tokens, mean, norm, learningRate);
            metrics.OnStep(row);
            owner.observer.OnStep(row);
        }

        void Report(TopologyMetrics change)
        {
            metrics.OnTopology(change);
            owner.observer.OnTopology(change);
        }

        RunFailureException Untrustworthy(LossProblem problem, double mean, double norm)
        {
            string what = problem == LossProblem.NotFinite ? $"the loss ({mean}) or the gradient norm ({norm}) is not a finite number" : $"the loss jumped to {mean:0.###}, from a mean of {owner.guard.Mean:0.###}";
            return new RunFailureException($"Stopped at step {done}: {what}; {LastGoodCheckpoint()}. "
                + "A lower optimizer.learning_rate, a longer schedule.warmup_steps or optimizer.grad_clip helps; training.on_nan: skip leaves such steps out and goes on.");
        }

        /// <summary>A checkpoint of the step before holds the very weights that gave the bad loss.</summary>
        string LastGoodCheckpoint()
        {
            if (lastCheckpoint is null) return "no checkpoint was saved yet";
            if (lastCheckpointStep < done - 1) return $"the last good checkpoint is {lastCheckpoint}";
            string good = checkpointBefore is { } before && Directory.Exists(before) ? $"the last good checkpoint is {before}" : "there is none before it";
            return $"{lastCheckpoint} holds the weights that gave it, {good}";
        }

        bool IsEvaluationDue() => owner.validation is not null && (IsFinished || done % recipe.Evaluation.EverySteps == 0);

        void Evaluate()
        {
            (double mean, double? bits) = step.Evaluate(owner.validation!);
            (evalLoss, bitsPerByte) = (mean, bits);
            var row = new EvalMetrics { Step = done, EvalLoss = mean, BitsPerByte = bits };
            metrics.OnEval(row);
            owner.observer.OnEval(row);
            meter.Interrupt();
        }

        void Save()
        {
            if (lastCheckpointStep == done) return;
            TrainingSetup setup = owner.setup;
            metrics.Flush(); // No checkpoint may be on the disk before the rows of its steps are.
            checkpointBefore = lastCheckpoint;
            lastCheckpoint = owner.checkpoints.Save(checked((int)done), new CheckpointContents
            {
                Spec = setup.Spec,
                Weights = ParameterStore.Weights(program),
                OptimizerState = ParameterStore.OptimizerState(program),
                TrainingState = new RunState(done, updates, tokens, loss, evalLoss, bitsPerByte, meter.JoulesUpToNow(), owner.guard.Mean, owner.guard.Count, owner.guard.BadInARow, loader.State, owner.OptimizerName())
                {
                    Algorithms = owner.device.ChosenAlgorithms,
                    Flops = meter.Flops,
                    IsJoulesEstimate = meter.IsEstimate,
                    Sparsity = sparse?.ToJson(),
                }.ToJson(),
                BosTokenId = setup.Tokenizer?.BeginOfTextId,
                EosTokenIds = setup.EosTokenIds,
                WriteTokenizer = setup.Tokenizer is { } tokenizer ? tokenizer.Save : null,
            });
            lastCheckpointStep = done;
            owner.observer.OnCheckpoint(done, lastCheckpoint);
            meter.Interrupt();
        }

        TrainingSummary End(TrainingOutcome outcome)
        {
            Save();
            if (outcome == TrainingOutcome.Completed && owner.options.Sample is { } sample)
                for (int i = 0; i < recipe.Logging.Samples; i++) owner.observer.OnSample(done, sample(ParameterStore.Weights(program), i));
            TrainingSummary summary = Summary(outcome);
            owner.observer.OnEnd(summary);
            return summary;
        }

        TrainingSummary Summary(TrainingOutcome outcome) => new()
        {
            Outcome = outcome,
            Run = owner.options.Run,
            Checkpoint = lastCheckpoint,
            Steps = done,
            Tokens = tokens,
            Loss = loss,
            EvalLoss = evalLoss,
            BitsPerByte = bitsPerByte,
            TokensPerSecond = meter.TokensPerSecond,
            Mfu = meter.Mfu,
            Hfu = meter.Hfu,
            Joules = meter.JoulesUpToNow(),
            EnergySource = meter.EnergySource,
            EnergyTerms = RecipeSettings.Terms(recipe.Energy),
            Clocks = owner.clocks?.Report,
            Elapsed = DateTime.UtcNow - started,
            CanGenerate = owner.setup.Tokenizer is not null,
        };
    }
}
