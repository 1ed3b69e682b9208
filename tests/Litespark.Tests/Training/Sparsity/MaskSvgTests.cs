using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Litespark.Training.Sparsity;

namespace Litespark.Tests.Training.Sparsity;

public class MaskSvgTests
{
    static XElement[] Paths(params BlockMask[] masks) => [.. XDocument.Parse(MaskSvg.Draw("a < b", masks)).Descendants().Where(element => element.Name.LocalName == "path")];

    /// <summary>Cells under a path of rectangles one cell high.</summary>
    static int Area(XElement path) => Regex.Matches(path.Attribute("d")!.Value, @"h(\d+)v1").Sum(run => int.Parse(run.Groups[1].Value, CultureInfo.InvariantCulture));

    [Theory]
    [InlineData("model.layers.12.self_attn.q_proj.weight", "layers.12", "self_attn.q_proj")]
    [InlineData("transformer.h.0.mlp.c_fc.weight", "h.0", "mlp.c_fc")]
    [InlineData("lm_head.weight", "", "lm_head")]
    [InlineData("weight", "", "")]
    [InlineData("3.weight", "", "3")]
    public void A_name_says_layer_and_matrix(string name, string layer, string matrix) => Assert.Equal((layer, matrix), MaskSvg.Place(name));

    [Fact]
    public void Every_live_block_is_drawn_once()
    {
        BlockMask mask = TopologyUpdate.Random(new SparseWeight("h.0.w.weight", 30, 50, 1, 1), 400, new BlockRandom(1, 0, "w"));
        XElement path = Assert.Single(Paths(mask));
        Assert.Equal(400, Area(path));
        Assert.Empty(Paths(new BlockMask(mask.Weight)));
    }

    [Fact]
    public void Large_masks_are_drawn_in_shades()
    {
        var weight = new SparseWeight("h.0.w.weight", 256, 128, 1, 1);
        var mask = new BlockMask(weight);
        // Cells of 4 × 4 blocks: one cell full, one with a single block.
        for (int row = 0; row < 4; row++)
            for (int column = 0; column < 4; column++) mask.Revive(row * 128 + column);
        mask.Revive(200 * 128 + 100);
        XElement[] paths = Paths(mask);
        Assert.Equal(["0.125", "1"], paths.Select(path => path.Attribute("fill-opacity")!.Value));
        Assert.Equal(["M25 50h1v1h-1z", "M0 0h1v1h-1z"], paths.Select(path => path.Attribute("d")!.Value));
        Assert.Equal(32 * 64, Area(Assert.Single(Paths(BlockMask.Full(weight)))));
    }
}
