using Mesh.Tests.E2E.Lab;
using Mesh.Tests.Kit;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>The demonstration does what it says, and leaves nothing behind whichever way it ends.</summary>
public sealed class DemoTests(ITestOutputHelper output)
{
    static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    [RequiresRootFact("ip")]
    public async Task Ends_well_and_leaves_nothing()
    {
        var before = Traces.Read();
        await using var demo = Start();
        Assert.True(await demo.WaitForExitAsync(Patience) == 0, demo.Output);
        Assert.Contains("Everything worked", demo.Output, StringComparison.Ordinal);
        Assert.Contains("refused, exit 77", demo.Output, StringComparison.Ordinal);
        output.WriteLine(demo.Output);
        Assert.Equal(before, Traces.Read());
    }

    [RequiresRootTheory("ip")]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    public async Task Interrupted_it_leaves_nothing(int afterStep)
    {
        var before = Traces.Read();
        await using var demo = Start();
        if (afterStep > 0)
            await demo.WaitForLineAsync($"[{afterStep}/8]", Patience);
        else
            await Eventually.TrueAsync("the first namespace", Patience, () => Traces.Read().Namespaces != before.Namespaces);
        demo.Signal("INT");
        Assert.True(await demo.WaitForExitAsync(Patience) == 1, demo.Output);
        Assert.Contains("interrupted", demo.Output, StringComparison.Ordinal);
        Assert.Equal(before, Traces.Read());
    }

    [RequiresRootFact("ip")]
    public async Task Failing_it_says_why_and_leaves_nothing()
    {
        var before = Traces.Read();
        await using var demo = Start("/bin/false");
        Assert.True(await demo.WaitForExitAsync(Patience) == 1, demo.Output);
        Assert.Contains("mesh: demo: mesh-controller ended", demo.Output, StringComparison.Ordinal);
        Assert.Equal(before, Traces.Read());
    }

    [Fact]
    public async Task Measures_by_itself_where_there_is_no_iperf3()
    {
        await using var receiver = RunningProcess.Start(Programs.Mesh, ["demo", "throughput"]);
        await Eventually.TrueAsync("the receiver to listen", Patience, () => File.ReadAllText("/proc/net/tcp6").Contains(":1451 ", StringComparison.Ordinal));
        await using var sender = RunningProcess.Start(Programs.Mesh, ["demo", "throughput", "127.0.0.1"]);
        Assert.True(await sender.WaitForExitAsync(Patience) == 0, sender.Output);
        Assert.True(await receiver.WaitForExitAsync(Patience) == 0, receiver.Output);
        Assert.True(int.Parse(receiver.Output) > 10, receiver.Output);
    }

    static RunningProcess Start(string? controller = null) => RunningProcess.Start(Programs.Mesh, ["demo"],
        new Dictionary<string, string> { ["MESH_CONTROLLER_BINARY"] = controller ?? Programs.Controller });

    /// <summary>What a demonstration could leave on the machine.</summary>
    sealed record Traces(string Namespaces, string Links, string Processes, string Files, string Hosts)
    {
        const string Mark = "mesh-demo-";

        public static Traces Read() => new(
            Join(Directory.Exists("/run/netns") ? Directory.EnumerateFiles("/run/netns", Mark + "*") : []),
            Join(Directory.EnumerateDirectories("/sys/class/net").Select(Path.GetFileName)!),
            Join(Directory.EnumerateDirectories("/proc").Select(folder => CommandLine(Path.Combine(folder, "cmdline")))
                .Where(line => line.Contains(Mark, StringComparison.Ordinal))),
            Join(Directory.EnumerateFileSystemEntries(Path.GetTempPath(), Mark + "*")
                .Concat(Directory.Exists("/etc/netns") ? Directory.EnumerateDirectories("/etc/netns", Mark + "*") : [])),
            File.ReadAllText("/etc/hosts"));

        static string Join(IEnumerable<string> entries) => string.Join('\n', entries.Order(StringComparer.Ordinal));

        static string CommandLine(string file)
        {
            try
            {
                return File.ReadAllText(file).Replace('\0', ' ');
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return "";
            }
        }
    }
}
