using Litespark.Checkpoints;
using Litespark.Cli.Commands;
using Litespark.Cli.Progress;

namespace Litespark.Cli.Handlers;

/// <summary>Carries out <c>litespark export</c>.</summary>
internal static class ExportHandler
{
    public static int Run(ExportOptions options, CommandContext context)
    {
        ExportedModel model = ModelExport.Export(options.Checkpoint, options.Out, options.Bfloat16 ? WeightDtype.BFloat16 : WeightDtype.Float32);
        string dtype = options.Bfloat16 ? "bfloat16" : "float32";
        if (!model.HasTokenizer) context.Progress.WriteLine($"warning: {model.Source} has no tokenizer; the model takes token ids only");
        context.Out.WriteLine($"{options.Out}: {Units.Count(model.Parameters)} parameters in {dtype}, {Units.Bytes(model.Bytes)}, from {model.Source}");
        context.Out.WriteLine($"try it:  ./litespark generate --checkpoint {options.Out} --prompt \"...\"");
        context.Result(writer =>
        {
            writer.WriteString("checkpoint", model.Source);
            writer.WriteString("out", options.Out);
            writer.WriteString("dtype", dtype);
            writer.WriteNumber("parameters", model.Parameters);
            writer.WriteNumber("bytes", model.Bytes);
        });
        return ExitCodes.Done;
    }
}
