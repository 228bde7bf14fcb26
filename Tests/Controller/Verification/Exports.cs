using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Mesh.Controller.Verification;
using Mesh.Protocol;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Controller.Verification;

/// <summary>Is an export as lines, to be changed as an attacker would who has it, or who has keys too.</summary>
sealed partial class Exports(IReadOnlyList<string> lines)
{
    public IReadOnlyList<string> Lines => lines;

    public static Exports Parse(string text) => new([.. text.TrimEnd('\n').Split('\n')]);

    public byte[] ToBytes() => Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => line + "\n")));

    public static ExportFault? Verify(byte[] file, Digest256? root = null, params AuditHead[] heads) => Verify([file], root, heads);

    public static ExportFault? Verify(IReadOnlyList<byte[]> files, Digest256? root = null, params AuditHead[] heads) =>
        new ExportVerifier(new Expectations(root, heads)).Verify([.. files.Select((file, at) => ($"file-{at + 1}", (Stream)new MemoryStream(file)))], out _);

    /// <summary>Makes what follows a changed line follow from it again, as one does who has no key: the signature stays as it is.</summary>
    public Exports Relinked()
    {
        var head = JsonNode.Parse(lines[0])!["from"]!;
        var at = new AuditHead((long)head["ordering"]!, (long)head["count"]!, Digest((string)head["digest"]!));
        var relinked = new List<string> { lines[0] };
        foreach (var line in lines.Skip(1).SkipLast(1))
        {
            var entry = JsonNode.Parse(line)!;
            at = at.Append(new ChainEntry(
                (long)entry["ordering"]!, (string)entry["id"]!, (long)entry["number"]!, (long)entry["created"]!, (string)entry["manifest"]!,
                (string?)entry["command"], Sha256.Hash(Convert.FromBase64String((string)entry["payload"]!))));
            entry["chain"] = at.Digest.ToString();
            relinked.Add(Print(entry));
        }
        return new Exports([.. relinked, lines[^1]]);
    }

    /// <summary>Signs the whole anew with a controller's key, and with a root's where one is given.</summary>
    public Exports Signed(SigningPrivateKey by, string keyId, SigningPrivateKey? root = null)
    {
        var first = JsonNode.Parse(lines[0])!;
        var network = TypedId.Parse<NetworkId>((string)first["network"]!);
        if (root is not null)
        {
            first["root_key"] = Ed25519.ComputePublicKey(root).ToString();
            var delegation = new Delegation(
                network, 1, TypedId.Parse<ControllerId>(keyId), Ed25519.ComputePublicKey(by), default, [DelegationRights.SignMaps], new WallTime(0),
                new WallTime(4_000_000_000_000));
            var envelope = DsseEnvelope.Sign(
                PayloadTypes.Delegation, ProtocolJson.Encode(delegation, ProtocolJson.Default.Delegation), root, "root");
            first["delegations"] = new JsonArray(JsonNode.Parse(ProtocolJson.Encode(envelope, ProtocolJson.Default.DsseEnvelope)));
        }
        var from = first["from"]!;
        var last = lines.Count > 2 ? JsonNode.Parse(lines[^2])! : from;
        var before = string.Concat(lines.Skip(1).SkipLast(1).Prepend(Print(first)).Select(line => line + "\n"));
        var stretch = new AuditStretch(
            network, 1, new AuditHead((long)from["ordering"]!, (long)from["count"]!, Digest((string)from["digest"]!)),
            new AuditHead((long)last["ordering"]!, (long)from["count"]! + lines.Count - 2, Digest((string)(last["chain"] ?? last["digest"])!)),
            Sha256.Hash(Encoding.UTF8.GetBytes(before)), WallTime.From(DateTimeOffset.UtcNow));
        var signed = DsseEnvelope.Sign(PayloadTypes.AuditStretch, ProtocolJson.Encode(stretch, ProtocolJson.Default.AuditStretch), by, keyId);
        var end = Encoding.UTF8.GetString(ProtocolJson.Encode(signed, ProtocolJson.Default.DsseEnvelope));
        return new Exports([Print(first), .. lines.Skip(1).SkipLast(1), $$"""{"stretch":{{end}}}"""]);
    }

    /// <summary>Changes what an event says.</summary>
    public Exports WithPayload(int line, Func<string, string> change)
    {
        var entry = JsonNode.Parse(lines[line])!;
        var payload = Encoding.UTF8.GetString(Convert.FromBase64String((string)entry["payload"]!));
        entry["payload"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(change(payload)));
        return With(line, Print(entry));
    }

    public Exports With(int line, string text) => new([.. lines.Take(line), text, .. lines.Skip(line + 1)]);

    public Exports Without(int line) => new([.. lines.Take(line), .. lines.Skip(line + 1)]);

    public Exports Swapped(int one, int other)
    {
        var changed = lines.ToArray();
        (changed[one], changed[other]) = (changed[other], changed[one]);
        return new Exports(changed);
    }

    public string KeyId => (string)JsonNode.Parse(lines[^1])!["stretch"]!["signatures"]![0]!["keyid"]!;

    static Digest256 Digest(string text) => Octets32.TryParse(text, out var value) ? new Digest256(value) : throw new FormatException(text);

    // As the serializers of the format write: bytes in base64 are not escaped, texts are.
    static string Print(JsonNode node) =>
        Bytes().Replace(node.ToJsonString(), match => match.Value.Replace("\\u002B", "+", StringComparison.Ordinal));

    [GeneratedRegex("\"(payload|sig|chain|digest|root_key)\":\"[^\"]*\"")]
    private static partial Regex Bytes();
}
