namespace Litespark.Reporting;

/// <summary>
/// What the trainer tells of its course, in order, on the training thread: log files, progress displays and the user's own
/// code implement what they want of it. An exception ends the run.
/// </summary>
public interface ITrainingObserver
{
    /// <summary>The run is about to begin or to go on.</summary>
    void OnStart(TrainingStart start) { }

    /// <summary>A step is done.</summary>
    void OnStep(in StepMetrics metrics) { }

    /// <summary>An evaluation is done.</summary>
    void OnEval(in EvalMetrics metrics) { }

    /// <summary>A checkpoint is whole on disk.</summary>
    void OnCheckpoint(long step, string path) { }

    /// <summary>The live blocks of sparse weights have changed.</summary>
    void OnTopology(TopologyMetrics metrics) { }

    /// <summary>The model wrote a sample text.</summary>
    void OnSample(long step, string text) { }

    /// <summary>Something that the user should know but that doesn't end the run.</summary>
    void OnWarning(string message) { }

    /// <summary>How the device runs the program, where a user may want to know: what a library computes, what was left to a slower kernel, and why.</summary>
    void OnNotice(string message) { }

    /// <summary>The run has ended, in whatever way.</summary>
    void OnEnd(TrainingSummary summary) { }
}
