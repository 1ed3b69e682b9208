using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Litespark.Training.Sparsity;

namespace Litespark.Cli.Commands;

/// <summary>What <c>sparsity show</c> was asked to do.</summary>
/// <param name="Checkpoint">Run, checkpoint or Hugging Face folder.</param>
/// <param name="Block">Blocks of zeros to look for; null = the saved masks.</param>
/// <param name="Svg">File of the picture.</param>
internal sealed record SparsityShowOptions(string Checkpoint, (int Rows, int Columns)? Block, string? Svg);

/// <summary><c>sparsity show CHECKPOINT [--block ROWSxCOLUMNS] [--svg FILE] [--json]</c>.</summary>
internal static class SparsityCommand
{
    public static Command Create(Func<SparsityShowOptions, CommandContext, int> show) =>
        new HelpfulCommand("sparsity", "Look at which weights of a model live.",
            "litespark sparsity show runs/my --svg masks.svg")
        {
            Show(show),
        };

    static HelpfulCommand Show(Func<SparsityShowOptions, CommandContext, int> handler)
    {
        var command = new HelpfulCommand("show", "Each matrix's live blocks, density and dead outputs, and a picture of all masks.",
            "litespark sparsity show runs/my --svg masks.svg",
            "litespark sparsity show my-model --block 64x64      blocks of zeros in the weights themselves");
        var checkpoint = new Argument<string>("CHECKPOINT") { Description = "A run folder, a checkpoint in it, or a Hugging Face model folder" }.NotEmpty();
        Options.RefuseOptions(checkpoint);
        var block = new Option<(int, int)?>("--block")
        {
            HelpName = "ROWSxCOLUMNS",
            Description = $"Look for blocks of zeros of this size in the weights; without it the masks of sparse training are shown, or blocks of {CheckpointMasks.DefaultBlock}x{CheckpointMasks.DefaultBlock} where there are none",
            CustomParser = ParseBlock,
        };
        var svg = new Option<string?>("--svg") { HelpName = "FILE", Description = "Draw all masks" }.NotEmpty();
        Option<bool> json = Options.Json();
        command.Add(checkpoint);
        foreach (Option option in (Option[])[block, svg, json]) command.Add(option);
        command.Handle(json, (result, context) => handler(new SparsityShowOptions(result.GetRequiredValue(checkpoint), result.GetValue(block), result.GetValue(svg)), context));
        return command;
    }

    static (int, int)? ParseBlock(ArgumentResult result)
    {
        string[] sides = result.Tokens[0].Value.Split('x');
        if (sides.Length == 2 && Side(sides[0]) is { } rows && Side(sides[1]) is { } columns) return (rows, columns);
        result.AddError($"--block must be rows and columns, as in 16x16, found '{result.Tokens[0].Value}'");
        return null;

        static int? Side(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int side) && side > 0 ? side : null;
    }
}
