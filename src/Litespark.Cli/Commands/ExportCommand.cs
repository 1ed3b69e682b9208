using System.CommandLine;

namespace Litespark.Cli.Commands;

/// <summary>What <c>export</c> was asked to do.</summary>
/// <param name="Checkpoint">Run, checkpoint or Hugging Face folder.</param>
/// <param name="Out">Folder to write.</param>
/// <param name="Bfloat16">Store weights in bfloat16 instead of float32.</param>
internal sealed record ExportOptions(string Checkpoint, string Out, bool Bfloat16);

/// <summary><c>export --checkpoint PATH --out FOLDER [--dtype float32|bfloat16] [--json]</c>.</summary>
internal static class ExportCommand
{
    public static Command Create(Func<ExportOptions, CommandContext, int> handler)
    {
        var command = new HelpfulCommand("export", "Write a model as a Hugging Face folder, without the training state.",
            "litespark export --checkpoint runs/my --out my-model --dtype bfloat16");
        Option<string> checkpoint = Options.Checkpoint();
        var output = new Option<string>("--out") { HelpName = "FOLDER", Required = true, Description = "Folder to write; it must not exist, or be empty" }.NotEmpty();
        var dtype = new Option<string>("--dtype") { HelpName = "float32|bfloat16", Description = "Number format of the weights", DefaultValueFactory = _ => "float32" };
        dtype.AcceptOnlyFromAmong("float32", "bfloat16");
        Option<bool> json = Options.Json();
        foreach (Option option in new Option[] { checkpoint, output, dtype, json }) command.Add(option);
        command.Handle(json, (result, context) =>
            handler(new ExportOptions(result.GetRequiredValue(checkpoint), result.GetRequiredValue(output), result.GetValue(dtype) == "bfloat16"), context));
        return command;
    }
}
