namespace Litespark.Tests;

public sealed class CgroupMemoryTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    long? Limit(string membership)
    {
        File.WriteAllText(folder.File("cgroup"), membership);
        return CgroupMemory.Limit(folder.File("cgroup"), folder.File("fs"));
    }

    void Write(string path, string text)
    {
        string file = folder.File(["fs", .. path.Split('/')]);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text + "\n");
    }

    [Fact]
    public void The_smallest_limit_on_the_way_to_the_root_holds()
    {
        Write("a/b/memory.max", "max");
        Write("a/memory.max", "2000");
        Write("a/c/memory.max", "1000");
        Assert.Equal(2000, Limit("0::/a/b\n"));
        Assert.Equal(1000, Limit("0::/a/c\n"));
    }

    [Fact]
    public void In_a_container_the_root_is_its_own_group_whatever_the_path()
    {
        Write("memory.max", "3000");
        Assert.Equal(3000, Limit("0::/../elsewhere\n"));
        Assert.Equal(3000, Limit("0::/\n"));
    }

    [Fact]
    public void Version_one_has_a_hierarchy_for_memory()
    {
        Write("memory/docker/x/memory.limit_in_bytes", "4000");
        Write("cpu/docker/x/memory.limit_in_bytes", "1");
        Assert.Equal(4000, Limit("5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n"));
    }

    [Fact]
    public void Without_groups_there_is_no_limit()
    {
        Assert.Null(Limit("0::/a\n"));
        Assert.Null(CgroupMemory.Limit(folder.File("nothing"), folder.Path));
    }
}
