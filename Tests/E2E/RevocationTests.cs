using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Mesh.Protocol;
using Mesh.Protocol.Control;
using Mesh.Protocol.Enrollment;
using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>A revoked node is out within two seconds, everywhere, and is told why.</summary>
public sealed class RevocationTests(ITestOutputHelper output)
{
    static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    [RequiresRootFact("ip", "ping")]
    public Task Nothing_passes_two_seconds_after_a_revocation() => MeshLab.RunJoinedAsync("mev", output, ["ada", "ben", "cleo"], async lab =>
    {
        var (ada, ben, cleo) = (lab["ada"], lab["ben"], lab["cleo"]);
        await using var towards = ada.StartPing(ben.V4);
        await using var away = ben.StartPing(cleo.V6);
        await using var others = ada.StartPing(cleo.V4);
        foreach (var ping in new[] { towards, away, others })
            await ping.AnsweredAfterAsync(DateTimeOffset.UnixEpoch, 5);

        var asked = DateTimeOffset.UtcNow;
        var said = lab.Controller.Run("node", "revoke", "ben").MustExit().Output.Trim();
        output.Print("revocation", $"the command printed: {said}");
        Assert.Matches(@"2 of 2 peers( acknowledged)? in \d+\.\d+ s", said);

        // Long enough for an answer that comes too late to be seen.
        await Task.Delay(Limit + TimeSpan.FromSeconds(2));
        foreach (var (ping, way) in new[] { (towards, "towards the revoked node"), (away, "from the revoked node") })
        {
            var last = ping.Pongs[^1].At - asked;
            Assert.True(last < Limit, $"{way}: answered {last.TotalSeconds:0.00} s after the command was typed");
            output.Print("revocation", $"{way}: last answer {last.TotalSeconds:0.00} s after the command was typed");
        }
        await others.StopWithoutLossAsync();

        var status = ben.Mesh("status");
        Assert.Equal(1, status.ExitCode);
        Assert.Contains("revoked", status.Output + status.Error, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("ben", File.ReadAllText(ada.HostsFile), StringComparison.Ordinal);
        Assert.Null((await ada.StatusAsync()).Peer("ben"));
        Assert.Contains(AuditLine.Parse(lab.Controller.Run("audit", "list", "--json").MustExit().Output), entry => entry.Kind == "node.revoked");

        // Neither a restart nor the old credential lets it back.
        await ben.Daemon.KillAsync();
        await ben.StartAsync();
        Assert.False(ben.Ns.Ping(ada.V4, 2, 2), "after a restart");
        Assert.NotEqual(0, lab.Controller.Run("node", "revoke", "ben").ExitCode);
        Assert.NotEqual(0, lab.Controller.Run("node", "revoke", "nobody").ExitCode);

        // A new credential does, as a new node.
        ben.Mesh("logout");
        await ben.JoinAsync();
        // What asks a peer that has not heard of it yet gets no answer, and asks again after 5 s only, as WireGuard does.
        await lab.EverybodyKnowsEverybodyAsync();
        Assert.True(ben.Ns.Ping(ada.V4, 3), "after enrolling anew");
    });

    [RequiresRootFact("ip")]
    public Task A_revoked_nodes_stream_is_closed_and_its_certificate_refused() => MeshLab.RunAsync("mek", output, [], async lab =>
    {
        var (machine, _) = lab.AddStranger();
        Assert.True(CredentialString.TryParse(lab.Controller.CreateCredential(), out var credential));
        using ApiNode node = new(machine, "eve");
        Assert.Null(await node.EnrollAsync(credential));
        using var client = node.Connect(credential);
        var before = await PostCertificateAsync(node, client);
        Assert.Equal(HttpStatusCode.OK, before.Status);

        await using ControlStream stream = await ControlStream.OpenAsync(node, client);
        Assert.NotNull(await stream.NextAsync(TimeSpan.FromSeconds(5)));
        var watch = Stopwatch.StartNew();
        lab.Controller.Run("node", "revoke", "eve").MustExit();
        string? reason = null;
        while (await stream.NextAsync(TimeSpan.FromSeconds(5)) is { } frame)
            reason = frame.Close ?? reason;
        Assert.Equal("revoked", reason);
        output.Print("revocation", $"the open stream was closed {watch.Elapsed.TotalSeconds:0.00} s after the command was typed");

        foreach (var again in new[] { client, node.Connect(credential) })
        {
            var (status, problem) = await PostCertificateAsync(node, again);
            Assert.Equal((HttpStatusCode.Forbidden, RefusalCodes.NodeRevoked), (status, problem?.Code));
            using var refused = await ControlStream.PostAsync(node, again);
            Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        }
    });

    [RequiresRootFact("ip", "ping", "nft")]
    public Task A_detached_peer_is_named_and_cuts_when_it_comes_back() => MeshLab.RunJoinedAsync("mex", output, ["ada", "ben", "cleo"], async lab =>
    {
        var (ben, cleo) = (lab["ben"], lab["cleo"]);
        await using var ping = cleo.StartPing(ben.V4);
        await ping.AnsweredAfterAsync(DateTimeOffset.UnixEpoch, 5);

        // The way to the controller is cut, the way to the peer is not; the revoked node must not learn of it either, or it would stop itself.
        foreach (var node in new[] { cleo, ben })
        {
            node.Ns.Run("nft", "add table inet cut").MustExit();
            node.Ns.Run("nft", "add chain inet cut out { type filter hook output priority 0; }").MustExit();
            node.Ns.Run("nft", "add rule inet cut out tcp dport 8443 reject with tcp reset").MustExit();
        }
        foreach (var node in new[] { cleo, ben })
            await Eventually.TrueAsync($"{node.Name} is detached", TimeSpan.FromSeconds(30), async () => (await node.StatusAsync()).Controller is null);

        var said = lab.Controller.Run("node", "revoke", "ben");
        output.Print("revocation", $"with a detached peer the command printed: {Regex.Replace((said.Output + said.Error).Trim(), @"\s*\n\s*", " / ")}");
        Assert.Matches("(?s)1 of 2 peers.*cleo", said.Output + said.Error);
        var revoked = DateTimeOffset.UtcNow;
        await ping.AnsweredAfterAsync(revoked + TimeSpan.FromSeconds(1), 5);

        cleo.Ns.Run("nft", "delete table inet cut").MustExit();
        await cleo.AttachedAsync(10);
        var attached = DateTimeOffset.UtcNow;
        await Task.Delay(Limit + TimeSpan.FromSeconds(1));
        var last = ping.Pongs[^1].At - attached;
        Assert.True(last < Limit, $"answered {last.TotalSeconds:0.00} s after the peer was attached again");
        Assert.Null((await cleo.StatusAsync()).Peer("ben"));
        output.Print("revocation", $"the detached peer's last answer came {last.TotalSeconds:0.00} s after it was attached again");
    });

    static async Task<(HttpStatusCode Status, Problem? Problem)> PostCertificateAsync(ApiNode node, HttpClient client)
    {
        var message = new CertificateRequestMessage(node.CertificateRequest());
        using var response = await client.PostAsync("/v1/certificate", ApiNode.Json(ProtocolJson.Encode(message, ProtocolJson.Default.CertificateRequestMessage)));
        var bytes = await response.Content.ReadAsByteArrayAsync();
        ProtocolJson.TryDecode(bytes, ProtocolJson.Default.Problem, out var problem);
        return (response.StatusCode, response.IsSuccessStatusCode ? null : problem ?? throw new InvalidDataException(Encoding.UTF8.GetString(bytes)));
    }
}
