using System.Text.Json.Nodes;
using Litespark.Data.Loading;

namespace Litespark.Training;

/// <summary>What a run must know to go on exactly where it was, apart from weights and optimiser moments.</summary>
/// <param name="Step">Steps taken from the data so far, skipped ones included.</param>
/// <param name="Updates">Updates made: the t of AdamW's bias correction.</param>
/// <param name="Tokens">Tokens seen.</param>
/// <param name="Loss">Loss of the last step.</param>
/// <param name="EvalLoss">Loss of the last evaluation.</param>
/// <param name="BitsPerByte">Bits per byte of the last evaluation.</param>
/// <param name="Joules">Energy used so far; null where it is not known.</param>
/// <param name="LossMean">Running mean of the loss guard.</param>
/// <param name="LossCount">Losses in that mean.</param>
/// <param name="BadInARow">Bad steps up to now, of the loss guard.</param>
/// <param name="Loader">Where the data stands.</param>
/// <param name="Optimizer">Name of the update rule that the moments belong to.</param>
public sealed record RunState(long Step, long Updates, long Tokens, double? Loss, double? EvalLoss, double? BitsPerByte, double? Joules, double LossMean, long LossCount, int BadInARow, LoaderState Loader, string Optimizer)
{
    /// <summary>Algorithms that the device chose by timing (<see cref="Planning.IDevice.ChosenAlgorithms"/>); null where it chose none.</summary>
    public JsonObject? Algorithms { get; init; }

    /// <summary>FLOPs executed by all steps so far.</summary>
    public double Flops { get; init; }

    /// <summary>Whether a part of the joules is an estimate.</summary>
    public bool IsJoulesEstimate { get; init; }

    /// <summary>Masks and phases of sparse training (<see cref="Sparsity.SparsityController.ToJson"/>); null for a dense run.</summary>
    public JsonObject? Sparsity { get; init; }

    /// <summary>As <c>training_state.json</c> holds it.</summary>
    public JsonObject ToJson() => new()
    {
        ["step"] = Step,
        ["updates"] = Updates,
        ["tokens"] = Tokens,
        ["loss"] = Finite(Loss),
        ["eval_loss"] = Finite(EvalLoss),
        ["bits_per_byte"] = Finite(BitsPerByte),
        ["joules"] = Joules,
        ["joules_are_estimate"] = IsJoulesEstimate,
        ["loss_mean"] = LossMean,
        ["loss_count"] = LossCount,
        ["bad_in_a_row"] = BadInARow,
        ["optimizer"] = Optimizer,
        ["loader"] = Loader.ToJson(),
        ["algorithms"] = Algorithms?.DeepClone(),
        ["flops"] = Flops,
        ["sparsity"] = Sparsity?.DeepClone(),
    };

    /// <summary>Reads <c>training_state.json</c>.</summary>
    /// <exception cref="UserErrorException">A member is missing or of the wrong type.</exception>
    public static RunState FromJson(JsonObject json, string path)
    {
        try
        {
            return new RunState((long)json["step"]!, (long)json["updates"]!, (long)json["tokens"]!,
                (double?)json["loss"], (double?)json["eval_loss"], (double?)json["bits_per_byte"], (double?)json["joules"],
                (double)json["loss_mean"]!, (long)json["loss_count"]!, (int)json["bad_in_a_row"]!, LoaderState.FromJson(json["loader"]), (string)json["optimizer"]!)
            {
                Algorithms = json["algorithms"]?.AsObject(),
                // Checkpoints of older versions do not have these.
                Flops = (double?)json["flops"] ?? 0,
                IsJoulesEstimate = (bool?)json["joules_are_estimate"] ?? false,
                Sparsity = json["sparsity"]?.AsObject(),
            };
        }
        catch (Exception error) when (error is NullReferenceException or InvalidOperationException or FormatException)
        {
            throw new UserErrorException($"{path}: training_state.json is not of the expected form; the checkpoint was written by something else. Its weights can still be used: model.path.", error);
        }
    }

    /// <summary>JSON has no word for what is not a number.</summary>
    static double? Finite(double? value) => value is { } number && double.IsFinite(number) ? number : null;
}
