using System.Net;
using System.Text.Json;
using Mesh.Protocol.Enrollment;
using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>A join that is interrupted anywhere either happened or did not, and the same machine can say so again.</summary>
public sealed class InterruptedJoinTests(ITestOutputHelper output)
{
    [RequiresRootFact("ip")]
    public Task An_answer_that_is_lost_can_be_asked_for_again_by_the_same_machine() => MeshLab.RunAsync("mel", output, ["ada", "ben"], async lab =>
    {
        var (ada, ben) = (lab["ada"], lab["ben"]);
        var (middle, address) = lab.AddStranger();
        await using CuttingProxy proxy = new(middle, new IPEndPoint(IPAddress.Parse(address), 8443), new IPEndPoint(IPAddress.Parse(lab.Controller.Address), LabController.Port));
        var direct = lab.Controller.CreateCredential();
        Assert.True(CredentialString.TryParse(direct, out var credential));
        var through = CredentialString.Create(credential.Id, credential.Secret, credential.RootHash, [$"{address}:8443"]).Export();
        lab.Secret(through);

        var first = await ada.UpAsync(through, "--timeout", "4s");
        Assert.True(first.ExitCode is 69 or 75, first.ToString());
        await proxy.Cut.WaitAsync(TimeSpan.FromSeconds(1));
        output.Print("credentials", $"answer cut after the commit: exit {first.ExitCode}: {first.Error.Trim()}");
        var listed = NodeNames(lab);
        Assert.Equal(["ada"], listed);

        var other = await ben.UpAsync(direct);
        Assert.True(other.ExitCode == 77 && other.Error.Contains("used", StringComparison.OrdinalIgnoreCase), other.ToString());

        proxy.Heal();
        (await ada.UpAsync(through)).MustExit();
        await ada.AttachedAsync();
        Assert.Equal(["ada"], NodeNames(lab));
        Assert.Equal("ada", (await ada.StatusAsync()).Self!.HostName);
    });

    [RequiresRootFact("ip")]
    public Task A_controller_killed_at_any_moment_of_a_join_loses_and_doubles_nothing() => MeshLab.RunAsync("mem", output, [], async lab =>
    {
        var (machine, _) = lab.AddStranger();
        var rounds = Lengths.Of(8, 40);
        var random = new Random(20_251_120);
        HashSet<string> names = [], addresses = [], ids = [];
        int cut = 0, committed = 0;
        var usual = await JoinTimeAsync(lab, machine);
        var longest = usual;
        for (var round = 0; round < rounds; round++)
        {
            Assert.True(CredentialString.TryParse(lab.Controller.CreateCredential(), out var credential));
            using ApiNode node = new(machine, "twin");
            using var client = node.Connect(credential);
            await client.GetAsync("/");
            // Anywhere in the time that a join takes, which is learned from those that were faster than the kill.
            var moment = longest * random.NextDouble();
            var joining = Task.Run(() => node.EnrollAsync(credential, client));
            await Task.Delay(moment);
            await lab.Controller.Server.KillAsync();
            string? known = null;
            try
            {
                Assert.Null(await joining);
                known = node.Welcome!.Node.ToString();
                longest = moment * 1.2 < longest ? moment * 1.2 : longest;
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
            {
                cut++;
            }
            await lab.Controller.StartAsync();
            committed += NodeNames(lab).Count > names.Count + 1 ? 1 : 0;
            Assert.Null(await node.EnrollAsync(credential));
            var welcome = node.Welcome!;
            Assert.True(known is null || known == welcome.Node.ToString(), "the same machine is another node after the retry");
            Assert.True(ids.Add(welcome.Node.ToString()) && names.Add(welcome.Name), $"{welcome.Name} was given twice");
            Assert.All(node.Body.Self.Addresses, address => Assert.True(addresses.Add(address), $"{address} was given twice"));
            using ApiNode thief = new(machine, "thief");
            Assert.Equal(RefusalCodes.Used, (await thief.EnrollAsync(credential))?.Code);
        }
        Assert.Equal(rounds + 1, NodeNames(lab).Count);
        Assert.True(cut > 0, "no kill fell into a join");
        output.Print("credentials", $"controller killed at {rounds} moments of a join ({usual.TotalMilliseconds:0} ms): {cut} answers lost, {committed} of the joins were committed before the kill, "
            + "all credentials worked again for their machine and for no other, no name or address twice");
    });

    static async Task<TimeSpan> JoinTimeAsync(MeshLab lab, Netns machine)
    {
        Assert.True(CredentialString.TryParse(lab.Controller.CreateCredential(), out var credential));
        using ApiNode node = new(machine, "first");
        using var client = node.Connect(credential);
        await client.GetAsync("/");
        var watch = System.Diagnostics.Stopwatch.StartNew();
        Assert.Null(await node.EnrollAsync(credential, client));
        return watch.Elapsed;
    }

    static List<string> NodeNames(MeshLab lab)
    {
        var root = JsonDocument.Parse(lab.Controller.Run("node", "list", "--json").MustExit().Output).RootElement;
        var nodes = root.ValueKind == JsonValueKind.Array ? root : root.GetProperty("nodes");
        return [.. nodes.EnumerateArray().Select(node => node.GetProperty("name").GetString()!)];
    }
}
