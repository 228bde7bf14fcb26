using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Mesh.Protocol;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Controller.Verification;

/// <summary>What is known from elsewhere.</summary>
/// <param name="RootHash">The SHA-256 digest of the network's root key; null: not known, so that anybody may have made the file.</param>
/// <param name="Heads">Heads that nodes hold: the history must contain them.</param>
sealed record Expectations(Digest256? RootHash, IReadOnlyList<AuditHead> Heads);

/// <summary>The first thing that is wrong.</summary>
/// <param name="File">The file.</param>
/// <param name="Line">The line in it, from 1; 0 where no line is to blame.</param>
/// <param name="Ordering">The event that the line holds; null where it holds none that can be read.</param>
/// <param name="What">What is wrong with it.</param>
sealed record ExportFault(string File, int Line, long? Ordering, string What)
{
    /// <summary>Prints where and what in one line.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{File}{(Line > 0 ? $" line {Line}" : "")}{(Ordering is { } ordering ? $" (ordering {ordering})" : "")}: {What}");
}

/// <summary>What was verified.</summary>
/// <param name="File">The file.</param>
/// <param name="Network">Whose journal it is.</param>
/// <param name="RootHash">What the signatures lead back to.</param>
/// <param name="From">Where the chain stands before the first entry.</param>
/// <param name="To">Where it stands after the last.</param>
/// <param name="Controller">Who signed.</param>
/// <param name="Epoch">In which epoch.</param>
/// <param name="Issued">When.</param>
/// <param name="Payloads">Whether it holds the payloads or only their hashes.</param>
/// <param name="Pruned">How many entries have no payload where the others have one.</param>
sealed record VerifiedExport(
    string File, NetworkId Network, Digest256 RootHash, AuditHead From, AuditHead To, ControllerId Controller, int Epoch, WallTime Issued, bool Payloads,
    long Pruned);

/// <summary>
/// Verifies exports of a journal without a controller: every entry against the chain, the chain against the controller's signature, the
/// signature against the network root. It shares no code with what writes exports but the primitives and the signed statements of
/// the protocol; the encoding of entries is written down here a second time on purpose.
/// </summary>
sealed class ExportVerifier(Expectations expected)
{
    readonly HashSet<AuditHead> _missing = [.. expected.Heads];

    /// <summary>Verifies files that follow each other; gives the first fault, else null.</summary>
    /// <param name="files">Names and content, which can be read twice.</param>
    /// <param name="verified">What is in order, up to the fault.</param>
    public ExportFault? Verify(IReadOnlyList<(string Name, Stream Content)> files, out IReadOnlyList<VerifiedExport> verified)
    {
        var done = new List<VerifiedExport>();
        verified = done;
        foreach (var (name, content) in files)
        {
            using var file = new ExportFile(name, content);
            try
            {
                if (Verify(file, done.Count == 0 ? null : done[^1], out var one) is { } fault)
                    return fault;
                done.Add(one);
            }
            catch (InvalidDataException unreadable)
            {
                return file.Fault(unreadable.Message);
            }
        }
        return _missing.Count == 0 ? null : Unreached(done);
    }

    ExportFault? Verify(ExportFile file, VerifiedExport? before, out VerifiedExport verified)
    {
        verified = null!;
        // What the last line says is known beforehand: what was signed tells which of two that differ is the wrong one.
        var signed = file.ReadLastLine();
        if (VerifyHead(file, before, signed, out var head) is { } wrong)
            return wrong;
        var at = head.From;
        while (file.TryReadEntry(out var entry, out var end))
        {
            if (entry is null)
            {
                if (end is null)
                    return file.Fault("it is not as an entry of an export is written");
                return VerifyEnd(file, head, at, end, out verified) ?? file.FaultBehind();
            }
            if (VerifyEntry(file, head, entry, ref at) is { } fault)
                return fault;
        }
        return file.Fault("the signed last line is missing: the file is cut");
    }

    ExportFault? VerifyHead(ExportFile file, VerifiedExport? before, AuditStretch? signed, out FirstLine head)
    {
        head = file.ReadFirst()!;
        if (head is null)
            return file.Fault("it is not the first line of an export");
        if (head.Format != "mesh-audit" || head.Version != 1)
            return file.Fault("it has a format or version that this program does not know");
        var root = Sha256.Hash(head.RootKey.Value.Span);
        if (expected.RootHash is { } pinned && root != pinned)
            return file.Fault($"it is of another network: its root key has the hash {root}");
        foreach (var envelope in head.Delegations)
        {
            if (Read(envelope, head) is null)
                return file.Fault("a delegation in it is not signed by the root key, or not of this network");
        }
        if (signed is not null && Signer(file.Last!, head) is not null && (signed.From != head.From || signed.Network != head.Network))
            return file.Fault("it is not what the controller signed");
        if (head.From.Count == 0 != (head.From.Ordering == 0) || head.From.Count == 0 && head.From != AuditHead.Empty)
            return file.Fault("it begins where no chain can");
        if (before is not null && (before.Network != head.Network || before.RootHash != root))
            return file.Fault($"it is of another network than {before.File}");
        if (before is not null && before.To != head.From)
            return file.Fault($"it begins at {head.From}, but {before.File} ends at {before.To}: a stretch is missing, or they are two histories");
        return Meet(head.From, null) is { } contradiction ? file.Fault(contradiction) : null;
    }

    ExportFault? VerifyEntry(ExportFile file, FirstLine head, EntryLine entry, ref AuditHead at)
    {
        if (entry.Payload is null == entry.PayloadHash is null)
            return file.Fault("it has a payload and its hash, or neither", entry.Ordering);
        if (entry.Payload is not null && !head.Payloads)
            return file.Fault("it has a payload in an export without", entry.Ordering);
        if (entry.Payload is null && head.Payloads && !CanBePruned(entry))
            return file.Fault("its payload is missing", entry.Ordering);
        if (entry.Ordering <= at.Ordering)
            return file.Fault($"it comes after ordering {at.Ordering}: entries were moved or repeated", entry.Ordering);
        var chain = Next(at.Digest, at.Count + 1, Hash(entry));
        if (chain != entry.Chain)
            return file.Fault($"its chain value does not follow from ordering {at.Ordering}: it was changed, or what was before it is gone", entry.Ordering);
        var passed = at.Ordering;
        at = new AuditHead(entry.Ordering, at.Count + 1, chain);
        file.Note(entry);
        return Meet(at, passed) is { } contradiction ? file.Fault(contradiction, entry.Ordering) : null;
    }

    static ExportFault? VerifyEnd(ExportFile file, FirstLine head, AuditHead at, LastLine end, out VerifiedExport verified)
    {
        verified = null!;
        if (Signer(end.Stretch, head) is not { } delegation)
            return file.Fault("it is not signed by a controller that the network root delegated");
        if (!ProtocolJson.TryDecode(end.Stretch.Payload, ProtocolJson.Default.AuditStretch, out var stretch))
            return file.Fault("what was signed cannot be read");
        if (stretch.Network != head.Network || stretch.From != head.From)
            return file.Fault("what was signed is of another export");
        if (stretch.Epoch < delegation.Epoch || stretch.Issued < delegation.NotBefore || stretch.Issued > delegation.NotAfter)
            return file.Fault("it was signed outside the time or epoch of the controller's delegation");
        if (file.Withdrawn.Contains(delegation.Controller.ToString()))
            return file.Fault($"controller {delegation.Controller} was withdrawn by an event in this very file, and signed it");
        if (stretch.To != at)
            return file.Fault(
                $"signed was a history that ends with {stretch.To}, the entries lead to {at}: "
                + (stretch.To.Count > at.Count ? "entries before this line are missing" : "entries were changed, or added"));
        if (stretch.FileHash != file.HashBeforeLastLine)
            return new ExportFault(
                file.Name, file.Pruned > 0 && head.Payloads ? 0 : 1, null,
                file.Pruned > 0 && head.Payloads
                    ? "it is not what the controller signed: content was taken out of it, or its delegations are others"
                    : "its delegations are not those that were signed with it");
        verified = new VerifiedExport(
            file.Name, head.Network, Sha256.Hash(head.RootKey.Value.Span), head.From, at, delegation.Controller, stretch.Epoch, stretch.Issued, head.Payloads,
            head.Payloads ? file.Pruned : 0);
        return null;
    }

    // Retention takes the content of these and of nothing else.
    static bool CanBePruned(EntryLine entry) => entry.Id.Split('-')[0] is "credential" or "node" or "token";

    // The delegation of the controller whose signature it is; null where there is none.
    static Delegation? Signer(DsseEnvelope envelope, FirstLine head) => envelope.Signatures.Count == 1
        ? head.Delegations.Select(one => Read(one, head)).FirstOrDefault(one =>
            one is not null && one.Controller.ToString() == envelope.KeyId && one.Rights.Contains(DelegationRights.SignMaps)
            && envelope.Verify(PayloadTypes.AuditStretch, one.SigningKey))
        : null;

    static Delegation? Read(DsseEnvelope envelope, FirstLine head) =>
        envelope.Verify(PayloadTypes.Delegation, head.RootKey)
        && ProtocolJson.TryDecode(envelope.Payload, ProtocolJson.Default.Delegation, out var delegation) && delegation.Network == head.Network
            ? delegation
            : null;

    // Looks for the heads that nodes hold between the event before and the one reached.
    string? Meet(AuditHead at, long? passed)
    {
        if (_missing.Count == 0)
            return null;
        foreach (var head in expected.Heads)
        {
            if (head.Ordering == at.Ordering && head != at)
                return $"a node holds {head}, here it is {at}: they are two histories";
            if (head.Ordering > passed && head.Ordering < at.Ordering)
                return $"a node holds {head}, but there is no event {head.Ordering} here: they are two histories";
        }
        _missing.Remove(at);
        return null;
    }

    ExportFault Unreached(List<VerifiedExport> done)
    {
        var head = _missing.OrderBy(one => one.Ordering).First();
        return head.Ordering > done[^1].To.Ordering
            ? new ExportFault(
                done[^1].File, 0, null, $"it ends at ordering {done[^1].To.Ordering}, before the node's {head}: export up to there, or the journal was rolled back")
            : new ExportFault(
                done[0].File, 0, null, $"it begins behind ordering {done[0].From.Ordering}, after the node's {head}: give the earlier exports too");
    }

    static Digest256 Hash(EntryLine entry)
    {
        using var hash = new RunningSha256();
        hash.Append("mesh-audit-entry-v1"u8);
        hash.Append(Number(entry.Ordering));
        hash.Append(Number(entry.Number));
        hash.Append(Number(entry.Created));
        hash.Append(Text(entry.Id));
        hash.Append(Text(entry.Manifest));
        hash.Append(entry.Command is null ? [0, 0, 0, 0, 0] : [1, .. Text(entry.Command)]);
        hash.Append((entry.PayloadHash ?? Sha256.Hash(entry.Payload)).Value.Span);
        return hash.Finish();
    }

    static Digest256 Next(Digest256 before, long count, Digest256 entry) =>
        Sha256.Hash([.. "mesh-audit-head-v1"u8, .. before.Value.Span, .. Number(count), .. entry.Value.Span]);

    static byte[] Number(long value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        return bytes;
    }

    static byte[] Text(string text)
    {
        var bytes = new byte[4 + Encoding.UTF8.GetByteCount(text)];
        BinaryPrimitives.WriteInt32BigEndian(bytes, bytes.Length - 4);
        Encoding.UTF8.GetBytes(text, bytes.AsSpan(4));
        return bytes;
    }
}
