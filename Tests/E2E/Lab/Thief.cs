using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Mesh.Protocol;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.E2E.Lab;

/// <summary>Tries everything that one can do with a controller's disk: at other controllers, with nodes' certificates, with maps and with the audit chain.</summary>
sealed class Thief(MeshLab lab, StolenDisk disk, NodeId victim)
{
    readonly Netns _where = lab.AddStranger().Ns;

    /// <summary>Gets the node in whose name it speaks.</summary>
    public NodeId Victim => victim;

    /// <summary>Fails unless a controller takes it for a member, and what it certified for a node.</summary>
    public async Task IsBelievedAsync(LabController at)
    {
        using (var link = await OpenLinkAsync(at))
            Assert.Equal(HttpStatusCode.OK, link.Status);
        using var client = disk.Present(disk.IssueNode(victim), _where, at);
        var (status, problem) = await AskAsync(client, "/v1/certificate");
        Assert.True(status == HttpStatusCode.OK, $"{(int)status} {problem}");
    }

    /// <summary>Fails unless a controller knows neither it nor what it certified.</summary>
    public async Task IsRefusedAsync(LabController at)
    {
        using (var link = await OpenLinkAsync(at))
            Assert.Equal(HttpStatusCode.NotFound, link.Status);
        foreach (var node in (NodeId[])[victim, TypedId.Parse<NodeId>("abcdefghij234567")])
        {
            using var client = disk.Present(disk.IssueNode(node), _where, at);
            foreach (var path in (string[])["/v1/certificate", "/v1/stream", "/v1/logout"])
            {
                var (status, problem) = await AskAsync(client, path);
                Assert.True(status == HttpStatusCode.Unauthorized && problem?.Code == RefusalCodes.CertificateUnknown, $"{path}: {(int)status} {problem}");
            }
        }
    }

    /// <summary>Opens a link as a member does.</summary>
    public async Task<ThiefLink> OpenLinkAsync(LabController at)
    {
        var client = disk.Present(disk.IssueMember(), _where, at);
        var request = new HttpRequestMessage(HttpMethod.Post, "/internal/v1/link") { Content = new OpenContent() };
        request.Version = HttpVersion.Version20;
        return new ThiefLink(client, await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead));
    }

    /// <summary>Puts its signature under the whole history as another controller exports it, and has that verified.</summary>
    public async Task<ProcessResult> SignAuditAsync(LabController from)
    {
        var (whole, forged) = (Path.Combine(lab.Folder, "whole.audit"), Path.Combine(lab.Folder, "forged.audit"));
        from.Run("audit", "export", "-o", whole).MustExit();
        from.Run("audit", "verify", whole).MustExit();
        var lines = await File.ReadAllLinesAsync(whole);
        const string delegations = "\"delegations\":[";
        Assert.Contains(delegations, lines[0], StringComparison.Ordinal);
        lines[0] = lines[0].Replace(
            delegations, $"{delegations}{Encoding.UTF8.GetString(ProtocolJson.Encode(disk.Delegation, ProtocolJson.Default.DsseEnvelope))},", StringComparison.Ordinal);
        var end = JsonNode.Parse(lines[^1])!["stretch"]!.ToJsonString();
        Assert.True(ProtocolJson.TryDecode(Encoding.UTF8.GetBytes(end), ProtocolJson.Default.DsseEnvelope, out var envelope));
        Assert.True(ProtocolJson.TryDecode(envelope.Payload, ProtocolJson.Default.AuditStretch, out var stretch));
        var before = Encoding.UTF8.GetBytes(string.Concat(lines[..^1].Select(line => line + "\n")));
        var signed = DsseEnvelope.Sign(
            PayloadTypes.AuditStretch,
            ProtocolJson.Encode(stretch with { FileHash = new Digest256(SHA256.HashData(before)) }, ProtocolJson.Default.AuditStretch), disk.Signing, disk.Controller.ToString());
        lines[^1] = $$"""{"stretch":{{Encoding.UTF8.GetString(ProtocolJson.Encode(signed, ProtocolJson.Default.DsseEnvelope))}}}""";
        await File.WriteAllTextAsync(forged, string.Concat(lines.Select(line => line + "\n")));
        return from.Run("audit", "verify", forged);
    }

    /// <summary>Signs maps for its victim that somebody else is to hand over.</summary>
    public IEnumerable<(string What, TrustRefusal Expected, MapFrame Frame)> Forge(HostileController accomplice, NodeStatus before)
    {
        // Were it believed, it would cut everybody off.
        var body = new MapBody(disk.Network, new SelfEntry(victim, "ada", before.Self!.Addresses, [], "alice"), "mesh.internal",
            ["100.64.0.0/10", "fd00::/8"], [], [new ControllerEntry(disk.Controller, [lab.Controller.Endpoint])], []);
        MapLeaf leaf = new(victim, Full: body);
        var audit = new AuditHead(before.Revision + 5, before.Revision + 5, new Digest256(RandomNumberGenerator.GetBytes(32)));
        yield return ("a map of a higher revision", TrustRefusal.DelegationWithdrawn, Signed(leaf, 1));
        yield return ("a map far ahead", TrustRefusal.DelegationWithdrawn, Signed(leaf, 1_000_000));
        yield return ("an audit head", TrustRefusal.DelegationWithdrawn, Signed(leaf, 5, head => head with { Audit = audit }));
        yield return ("a map under another's delegation", TrustRefusal.BadSignature,
            accomplice.Sign(leaf, before.Revision + 1, by: disk.Signing));

        MapFrame Signed(MapLeaf leaf, long ahead, Func<MapHead, MapHead>? change = null) =>
            accomplice.Sign(leaf, before.Revision + ahead, change, disk.Delegation, disk.Signing);
    }

    static async Task<(HttpStatusCode Status, Problem? Problem)> AskAsync(HttpClient client, string path)
    {
        // Everywhere else the request is not read before it is known who asks.
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequestMessage(new CertificateRequest("CN=node", key, HashAlgorithmName.SHA256).CreateSigningRequest());
        using var answer = await client.PostAsync(path, ApiNode.Json(ProtocolJson.Encode(request, ProtocolJson.Default.CertificateRequestMessage)));
        return (answer.StatusCode, ProtocolJson.TryDecode(await answer.Content.ReadAsByteArrayAsync(), ProtocolJson.Default.Problem, out var problem) ? problem : null);
    }

    // A body that does not end, as a link has.
    sealed class OpenContent : HttpContent
    {
        readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.FlushAsync();
            await _over.Task;
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }

        protected override void Dispose(bool disposing)
        {
            _over.TrySetResult();
            base.Dispose(disposing);
        }
    }
}

/// <summary>Is a link of a <see cref="Thief"/> to a controller, open or refused.</summary>
sealed class ThiefLink(HttpClient client, HttpResponseMessage answer) : IDisposable
{
    /// <summary>Gets what the controller answered.</summary>
    public HttpStatusCode Status => answer.StatusCode;

    /// <summary>Waits until the controller ends it.</summary>
    public async Task IsCutAsync()
    {
        Assert.Equal(HttpStatusCode.OK, Status);
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(10));
        try
        {
            await using var lines = await answer.Content.ReadAsStreamAsync(limit.Token);
            var bytes = new byte[4096];
            while (await lines.ReadAsync(bytes, limit.Token) > 0)
            {
                // What a member hears of; it ends.
            }
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            // Cut.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        answer.Dispose();
        client.Dispose();
    }
}
