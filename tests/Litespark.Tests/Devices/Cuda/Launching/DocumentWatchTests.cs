using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs;
using Litespark.Planning;

namespace Litespark.Tests.Devices.Cuda.Launching;

public class DocumentWatchTests
{
    const long Offset = 256;

    static Operand Starts(ArenaKind arena = ArenaKind.Persistent, DataType type = DataType.Int32)
        => new(new Graph().NewValue("starts", new TensorType(new Shape(4), type), ValueRole.Input), arena, Offset, Rows: 1, Columns: 4, Stride: 4);

    [Fact]
    public void What_was_never_written_is_whole() => Assert.True(Watch().RowsAreWhole);

    [Fact]
    public void The_last_write_counts()
    {
        DocumentWatch watch = Watch();
        watch.Written(Offset, [0, 0, 2, 2]);
        Assert.False(watch.RowsAreWhole);
        watch.Written(Offset, [0, 0, 0, 0]);
        Assert.True(watch.RowsAreWhole);
    }

    [Fact]
    public void A_write_in_part_makes_nothing_whole_again()
    {
        DocumentWatch watch = Watch();
        watch.Written(Offset + 2 * sizeof(int), [0, 1]);
        Assert.False(watch.RowsAreWhole);
        watch.Written(Offset + 2 * sizeof(int), [0, 0]);
        Assert.False(watch.RowsAreWhole); // the other half may be anything
    }

    [Fact]
    public void Other_tensors_do_not_matter()
    {
        DocumentWatch watch = Watch();
        watch.Written(Offset - 2 * sizeof(int), [5, 5]);
        watch.Written(Offset + 4 * sizeof(int), [5, 5]);
        Assert.True(watch.RowsAreWhole);
        watch.Written(Offset - 2 * sizeof(int), [5, 5, 1]); // reaches into it
        Assert.False(watch.RowsAreWhole);
    }

    [Fact]
    public void What_the_host_does_not_write_cannot_be_watched()
    {
        var watch = new DocumentWatch();
        Assert.False(watch.Watch(Starts(ArenaKind.Transient)));
        Assert.False(watch.Watch(Starts(type: DataType.Float32)));
        Assert.True(watch.Watch(Starts()));
    }

    static DocumentWatch Watch()
    {
        var watch = new DocumentWatch();
        Assert.True(watch.Watch(Starts()));
        return watch;
    }
}
