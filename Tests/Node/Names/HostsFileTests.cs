using System.Net;
using Mesh.Node.Names;

namespace Mesh.Tests.Node.Names;

public sealed class HostsFileTests : IDisposable
{
    const string Own = "127.0.0.1 localhost\r\n# mine\n10.0.0.1\tprinter # BEGIN mesh mesh0\n";

    static readonly HostsEntry[] _entries =
    [
        new(IPAddress.Parse("100.64.0.2"), "laptop", "mesh.internal"),
        new(IPAddress.Parse("fd00::2"), "laptop", "mesh.internal"),
    ];

    readonly string _path = Path.Combine(Directory.CreateTempSubdirectory("mesh-hosts-").FullName, "hosts");

    [Fact]
    public void A_block_comes_and_goes_and_the_rest_stays_byte_for_byte()
    {
        var with = HostsBlock.Replace(Own, "mesh0", _entries);

        Assert.Equal(
            Own + "# BEGIN mesh mesh0\n100.64.0.2 laptop laptop.mesh.internal\nfd00::2 laptop laptop.mesh.internal\n# END mesh mesh0\n", with);
        Assert.Equal(with, HostsBlock.Replace(with, "mesh0", _entries));
        Assert.Equal(Own, HostsBlock.Replace(with, "mesh0", []));
    }

    [Fact]
    public void Blocks_of_other_interfaces_stay()
    {
        var both = HostsBlock.Replace(HostsBlock.Replace(Own, "mesh0", _entries), "mesh1", _entries[..1]);

        Assert.Equal(HostsBlock.Replace(Own, "mesh1", _entries[..1]), HostsBlock.Replace(both, "mesh0", []));
    }

    [Fact]
    public void A_block_without_an_end_takes_nobody_elses_lines()
    {
        var cut = "127.0.0.1 localhost\n# BEGIN mesh mesh0\n100.64.0.2 laptop laptop.mesh.internal\n\n10.0.0.1 printer\n";

        Assert.Equal("127.0.0.1 localhost\n\n10.0.0.1 printer\n", HostsBlock.Replace(cut, "mesh0", []));
    }

    [Theory, InlineData("localhost"), InlineData("a b"), InlineData("a\nb"), InlineData("a.b"), InlineData(""), InlineData("#x")]
    public void A_name_that_is_no_label_is_not_written(string name) =>
        Assert.Equal(Own, HostsBlock.Replace(Own, "mesh0", [new(IPAddress.Loopback, name, "mesh.internal")]));

    [Fact]
    public void A_file_keeps_its_mode_and_is_made_where_there_is_none()
    {
        var mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
        File.WriteAllText(_path, Own);
        File.SetUnixFileMode(_path, mode);
        new HostsFile(_path, "mesh0").Set(_entries);
        Assert.Equal(mode, File.GetUnixFileMode(_path));
        new HostsFile(_path, "mesh0").Set([]);
        Assert.Equal(Own, File.ReadAllText(_path));

        File.Delete(_path);
        new HostsFile(_path, "mesh0").Set([]);
        Assert.False(File.Exists(_path));
        new HostsFile(_path, "mesh0").Set(_entries);
        Assert.Contains("laptop.mesh.internal", File.ReadAllText(_path));
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(_path)!));
    }

    [Fact]
    public void A_link_stays_a_link()
    {
        var target = _path + ".target";
        File.WriteAllText(target, Own);
        File.CreateSymbolicLink(_path, target);

        new HostsFile(_path, "mesh0").Set(_entries);

        Assert.NotNull(File.ResolveLinkTarget(_path, returnFinalTarget: false));
        Assert.Contains("laptop", File.ReadAllText(target));
    }

    [Kit.RequiresRootFact("mount")]
    public async Task A_mount_point_is_written_in_place()
    {
        File.WriteAllText(_path, Own);
        File.WriteAllText(_path + ".other", Own + Own);
        await RunAsync("mount", "--bind", _path + ".other", _path);
        try
        {
            new HostsFile(_path, "mesh0").Set(_entries);
            Assert.Contains("laptop", File.ReadAllText(_path));
            new HostsFile(_path, "mesh0").Set([]);
            Assert.Equal(Own + Own, File.ReadAllText(_path));
        }
        finally
        {
            await RunAsync("umount", _path);
        }
        Assert.Equal(2, Directory.GetFiles(Path.GetDirectoryName(_path)!).Length);
    }

    static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = System.Diagnostics.Process.Start(program, arguments);
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
    }

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);
}
