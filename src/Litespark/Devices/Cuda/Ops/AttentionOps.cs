using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>Flash attention on tensor cores: bf16, heads of up to 256 columns, a multiple of 8.</summary>
internal static class AttentionOps
{
    const int WarpsPerBlock = 4, WarpSize = 32;

    /// <summary>q, k, v, document starts (, patterns) → o, log-sum-exp (, the share of pairs that is computed).</summary>
    public static ICudaCall Attention(CudaBinding binding, KernelCall call, Attention op)
        => Attention(binding, call, op, new AttentionTiles(op.Geometry.HeadDim, binding.Gpu, op.HasPattern).Forward);

    /// <summary>The same with certain tiles.</summary>
    public static ICudaCall Attention(CudaBinding binding, KernelCall call, Attention op, AttentionTile tile)
    {
        AttentionGeometry g = op.Geometry;
        (Operand q, Operand k, Operand v, Operand o) = (Rows(binding, call.Inputs[0]), Rows(binding, call.Inputs[1]), Rows(binding, call.Inputs[2]), Rows(binding, call.Outputs[0]));
        nint starts = binding.Address(call.Inputs[3].Contiguous());
        AttentionSelection selection = op.HasPattern
            ? AttentionSelection.Bind(binding, g, op.Window, op.Scale, q, k, starts, call.Inputs[4], binding.Workspace(AttentionSelection.Bytes(g)), binding.Address(call.Outputs[2].Contiguous()))
            : AttentionSelection.None;
        return new CallSequence([.. selection.Calls,
            binding.Launch(ForwardVariant(g.HeadDim, tile, op.HasPattern), "attention_forward", new LaunchShape(checked(tile.QueryTiles(g.SequenceLength) * g.Heads * g.Sequences), tile.Threads, tile.SharedBytes),
                binding.Address(q), binding.Address(k), binding.Address(v), starts, binding.Address(o), binding.Address(call.Outputs[1].Contiguous()),
                g.SequenceLength, g.Heads, g.Heads / g.KeyValueHeads, op.Window, op.Scale, (long)q.Stride, (long)k.Stride, (long)v.Stride, (long)o.Stride, selection.Patterns, selection.LeftOut)]);
    }

    /// <summary>q, k, v, o, log-sum-exp, document starts, dO (, patterns) → dQ, dK, dV.</summary>
    public static ICudaCall AttentionGradient(CudaBinding binding, KernelCall call, AttentionGradient op)
        => AttentionGradient(binding, call, op, new AttentionTiles(op.Geometry.HeadDim, binding.Gpu, op.HasPattern));

    /// <summary>The same with certain tiles.</summary>
    public static ICudaCall AttentionGradient(CudaBinding binding, KernelCall call, AttentionGradient op, AttentionTiles tiles)
    {
        AttentionGeometry g = op.Geometry;
        (AttentionTile keyTile, AttentionTile queryTile) = (tiles.GradientKeys, tiles.GradientQueries);
        (Operand q, Operand k, Operand v, Operand o) = (Rows(binding, call.Inputs[0]), Rows(binding, call.Inputs[1]), Rows(binding, call.Inputs[2]), Rows(binding, call.Inputs[3]));
        (Operand dO, Operand dQ, Operand dK, Operand dV) = (Rows(binding, call.Inputs[6]), Rows(binding, call.Outputs[0]), Rows(binding, call.Outputs[1]), Rows(binding, call.Outputs[2]));
        (nint logSumExp, nint starts) = (binding.Address(call.Inputs[4].Contiguous()), binding.Address(call.Inputs[5].Contiguous()));
        (int tokens, int keyTiles, int queryTiles, int group) = (g.SequenceLength, keyTile.KeyTiles(g.SequenceLength), keyTile.QueryTiles(g.SequenceLength), g.Heads / g.KeyValueHeads);

        long rows = (long)g.Tokens * g.Heads, ranges = (long)g.Sequences * (keyTiles + queryTiles), cells = op.HasPattern ? AttentionSelection.Bytes(g) : 0;
        nint memory = binding.Workspace(cells + rows * sizeof(float) + ranges * sizeof(int));
        nint delta = memory + (nint)cells, ends = delta + (nint)(rows * sizeof(float)), highest = ends + (nint)((long)g.Sequences * keyTiles * sizeof(int));
        AttentionSelection selection = op.HasPattern ? AttentionSelection.Bind(binding, g, op.Window, op.Scale, q, k, starts, call.Inputs[7], memory, share: 0) : AttentionSelection.None;
        var prepare = new KernelVariant("attention_prepare", $"HEAD_DIM={g.HeadDim}");
        (KernelVariant forKeys, KernelVariant forQueries) = GradientVariants(g.HeadDim, tiles);
        int parts = (tiles.Columns + tiles.GradientKeyColumns - 1) / tiles.GradientKeyColumns;
        return new CallSequence([.. selection.Calls,
            binding.Launch(prepare, "attention_delta", new LaunchShape(Blocks(rows), WarpsPerBlock * WarpSize),
                binding.Address(o), binding.Address(dO), delta, tokens, g.Heads, (long)g.Tokens, (long)o.Stride, (long)dO.Stride),
            binding.Launch(prepare, "attention_ranges", new LaunchShape(Blocks(Math.Max(keyTiles, queryTiles)), WarpsPerBlock * WarpSize, GridY: g.Sequences),
                starts, ends, highest, tokens, op.Window, keyTile.Keys, keyTile.Queries),
            binding.Launch(forKeys, "attention_gradient_keys", new LaunchShape(checked(keyTiles * g.KeyValueHeads * g.Sequences * parts), keyTile.Threads, keyTile.SharedBytes),
                binding.Address(q), binding.Address(k), binding.Address(v), binding.Address(dO), logSumExp, delta, starts, ends, highest, binding.Address(dK), binding.Address(dV),
                tokens, g.Heads, group, op.Window, op.Scale, (long)q.Stride, (long)k.Stride, (long)v.Stride, (long)dO.Stride, (long)dK.Stride, (long)dV.Stride, selection.Patterns, selection.LeftOut),
            binding.Launch(forQueries, "attention_gradient_queries", new LaunchShape(checked(queryTile.QueryTiles(tokens) * g.Heads * g.Sequences), queryTile.Threads, queryTile.SharedBytes),
                binding.Address(q), binding.Address(k), binding.Address(v), binding.Address(dO), logSumExp, delta, starts, binding.Address(dQ),
                tokens, g.Heads, group, op.Window, op.Scale, (long)q.Stride, (long)k.Stride, (long)v.Stride, (long)dO.Stride, (long)dQ.Stride, selection.Patterns, selection.LeftOut)]);
    }

    /// <summary>What is compiled for attention.</summary>
    public static KernelVariant ForwardVariant(int headDim, AttentionTile tile, bool hasPattern)
        => new("attention_forward", $"HEAD_DIM={headDim}", $"QUERY_TILE={tile.Queries}", $"KEY_TILE={tile.Keys}", $"WARPS={tile.Warps}", Pattern(hasPattern));

    /// <summary>What is compiled for its gradient.</summary>
    public static (KernelVariant ForKeys, KernelVariant ForQueries) GradientVariants(int headDim, AttentionTiles tiles)
    {
        (AttentionTile keys, AttentionTile queries) = (tiles.GradientKeys, tiles.GradientQueries);
        (string width, string pattern) = ($"HEAD_DIM={headDim}", Pattern(tiles.HasPattern));
        return (new("attention_gradient_keys", width, $"KEY_TILE={keys.Keys}", $"QUERY_TILE={keys.Queries}", $"STAGES={keys.Stages}", $"COLUMNS={tiles.GradientKeyColumns}", pattern),
            new("attention_gradient_queries", width, $"KEY_TILE={queries.Keys}", $"QUERY_TILE={queries.Queries}", $"STAGES={queries.Stages}", $"WARPS={queries.Warps}", pattern));
    }

    /// <summary>q, k, v, positions, caches → o; k and v are appended to the caches first.</summary>
    public static ICudaCall CachedAttention(CudaBinding binding, KernelCall call, CachedAttention op)
    {
        const int AppendThreads = 128;
        (Operand q, Operand k, Operand v, Operand keys, Operand values, Operand o) = (call.Inputs[0], call.Inputs[1], call.Inputs[2], call.Inputs[4], call.Inputs[5], call.Outputs[0]);
        nint positions = binding.Address(call.Inputs[3].Contiguous());
        var variant = new KernelVariant("cached_attention", CudaBinding.Element(q.Type()), $"HEAD_DIM={op.HeadDim}", $"WARPS={WarpsPerBlock}");
        return new CallSequence(
            binding.Launch(variant, "cache_append", new LaunchShape(k.Rows, AppendThreads), binding.Address(k), binding.Address(v), binding.Address(keys), binding.Address(values), positions,
                k.Columns, keys.Rows, (long)k.Stride, (long)v.Stride, (long)keys.Stride, (long)values.Stride),
            binding.Launch(variant, "cached_attention", new LaunchShape(op.Heads, WarpsPerBlock * WarpSize, WarpsPerBlock * (op.HeadDim + 2) * sizeof(float), q.Rows),
                binding.Address(q), binding.Address(keys), binding.Address(values), positions, binding.Address(o),
                op.Heads / op.KeyValueHeads, op.Window, keys.Rows, op.Scale, (long)q.Stride, (long)keys.Stride, (long)values.Stride, (long)o.Stride));
    }

    static string Pattern(bool hasPattern) => $"PATTERN={(hasPattern ? 1 : 0)}";

    static int Blocks(long warps) => checked((int)((warps + WarpsPerBlock - 1) / WarpsPerBlock));

    /// <summary>An operand that the kernels read and write in pieces of 16 bytes.</summary>
    internal static Operand Rows(CudaBinding binding, Operand operand)
    {
        const int Piece = 8;
        bool aligned = binding.Address(operand) % (Piece * sizeof(ushort)) == 0 && (operand.Rows == 1 || operand.Stride % Piece == 0);
        return operand.Type() == DataType.BFloat16 && aligned
            ? operand
            : throw new NotSupportedException($"flash attention takes bf16 rows that begin at multiples of {Piece} elements, not {operand.Value}");
    }
}
