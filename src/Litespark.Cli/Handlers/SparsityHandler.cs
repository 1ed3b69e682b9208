using Litespark.Cli.Commands;
using Litespark.Cli.Progress;
using Litespark.Energy;
using Litespark.Training.Sparsity;

namespace Litespark.Cli.Handlers;

/// <summary>Carries out <c>litespark sparsity show</c>.</summary>
internal static class SparsityHandler
{
    public static int Show(SparsityShowOptions options, CommandContext context)
    {
        if (options.Svg is { } file) EnergyJson.RequireWritable(file);
        CheckpointMasks read = CheckpointMasks.Read(options.Checkpoint, options.Block);
        string source = read.IsFromWeights ? "blocks of zeros in the weights" : "masks of sparse training";
        long live = read.Masks.Sum(mask => mask.LiveElements), all = read.Masks.Sum(mask => mask.Weight.Elements);
        double density = all == 0 ? 1 : (double)live / all;
        if (options.Svg is { } picture) File.WriteAllText(picture, MaskSvg.Draw($"{read.Folder}: {source}, {Units.Percent(density)} alive", read.Masks));

        Print(context.Out, read.Masks);
        context.Out.WriteLine($"  {Units.Count(live)} of {Units.Count(all)} weights of these matrices are in live blocks: {Units.Percent(density)} ({source}).");
        if (options.Svg is not null) context.Out.WriteLine($"  {options.Svg}: the masks as a picture");
        context.Result(writer =>
        {
            writer.WriteString("checkpoint", read.Folder);
            writer.WriteBoolean("from_weights", read.IsFromWeights);
            writer.WriteNumber("density", density);
            writer.WriteNumber("live_elements", live);
            writer.WriteNumber("elements", all);
            writer.WriteStartArray("weights");
            foreach (BlockMask mask in read.Masks)
            {
                writer.WriteStartObject();
                writer.WriteString("name", mask.Weight.Name);
                writer.WriteNumber("rows", mask.Weight.Rows);
                writer.WriteNumber("columns", mask.Weight.Columns);
                writer.WriteNumber("block_rows", mask.Weight.BlockRows);
                writer.WriteNumber("block_columns", mask.Weight.BlockColumns);
                writer.WriteNumber("blocks", mask.Weight.Blocks);
                writer.WriteNumber("live_blocks", mask.Live);
                writer.WriteNumber("density", mask.Density);
                writer.WriteNumber("dead_outputs", mask.DeadOutputs);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteString("svg", options.Svg);
        });
        return ExitCodes.Done;
    }

    static void Print(TextWriter output, IReadOnlyList<BlockMask> masks)
    {
        var table = new TextTable("weight", "shape", "block", "live blocks", "density", "dead outputs");
        foreach (BlockMask mask in masks)
        {
            SparseWeight weight = mask.Weight;
            table.Add(weight.Name, $"{weight.Rows} × {weight.Columns}", $"{weight.BlockRows} × {weight.BlockColumns}", $"{mask.Live} of {weight.Blocks}", Units.Percent(mask.Density), $"{mask.DeadOutputs}");
        }
        table.Write(output);
    }
}
