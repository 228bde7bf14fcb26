using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Mesh.Actors.Audit;
using Mesh.Actors.Ports;
using Mesh.Actors.Registry;
using Mesh.Controller.Keys;
using Mesh.Protocol;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Trust;

namespace Mesh.Controller.Audit;

/// <summary>Says which part of the journal is wanted.</summary>
/// <param name="From">The first ordering.</param>
/// <param name="To">The last ordering; null: up to the newest event.</param>
/// <param name="Payloads">Whether with the payloads or with their hashes alone.</param>
/// <param name="Continues">Where an earlier export ended: the stretch begins behind it, and <paramref name="From"/> says nothing.</param>
sealed record ExportRequest(long From = 1, long? To = null, bool Payloads = true, AuditHead? Continues = null);

/// <summary>
/// Writes a stretch of the journal as text that can be verified elsewhere. The chain is computed anew from the first event of the journal,
/// whatever the stretch, and compared with what it was when this controller followed the journal: what was changed under a running
/// controller is never signed. Payloads go out whole: they hold hashes of secrets, each of 256 random bits, and no secret.
/// </summary>
sealed class AuditExporter(ControllerSystem system, IJournalTail journal, ControllerKeys keys, IClock clock)
{
    const int PageSize = 512;

    // What is gathered before it is sent.
    const int FlushSize = 64 << 10;

    /// <summary>Prepares an export; the refusal says why there can be none.</summary>
    public async Task<Outcome<PreparedExport>> PrepareAsync(ExportRequest request, CancellationToken cancellationToken)
    {
        var tip = system.Audit.Tip;
        var to = Math.Min(request.To ?? tip.Ordering, tip.Ordering);
        var before = request.Continues?.Ordering ?? request.From - 1;
        if (before < 0 || request.To < before)
            return new Refusal(RefusalKind.Invalid, "invalid", "the last event that is wanted comes before the first");
        if (before > tip.Ordering)
            return new Refusal(
                RefusalKind.Conflict, "rolled-back",
                $"the journal ends at {tip.Ordering}, before the export would begin: is the journal an older copy, or is the number wrong?");
        var head = AuditHead.Empty;
        await foreach (var journaled in ReadAsync(0, before, cancellationToken))
        {
            head = head.Append(journaled);
            if (Contradicts(head) is { } problem)
                return new Refusal(RefusalKind.Conflict, "changed", problem);
        }
        if (request.Continues is { } continues && head != continues)
            return new Refusal(
                RefusalKind.Conflict, "forked",
                $"the journal holds another history than the export that is to be continued, which ends with {continues}; "
                + $"here it is {head}: the journal was rolled back or changed since");
        return new PreparedExport(request, head, Math.Max(to, before), tip);
    }

    /// <summary>
    /// Writes it. Where the journal turns out to be changed, the last line is an <see cref="ExportProblem"/>.
    /// </summary>
    public async Task WriteAsync(PreparedExport prepared, Stream to, CancellationToken cancellationToken)
    {
        using var hash = new RunningSha256();
        using var pending = new MemoryStream();
        var (head, followed) = (prepared.From, prepared.From);
        var confirmed = false;
        var delegation = keys.Delegation;
        var delegations = system.Queries.Controllers.Where(one => one.Id != keys.Controller).Select(one => one.Delegation).Append(delegation);
        Add(new ExportHead("mesh-audit", 1, keys.Network, keys.RootKey, [.. delegations], head, prepared.Request.Payloads), ExportJson.Default.ExportHead);
        await foreach (var journaled in ReadAsync(head.Ordering, prepared.Tip.Ordering, cancellationToken))
        {
            var entry = journaled.ToChainEntry();
            followed = followed.Append(entry);
            if (Contradicts(followed) is { } problem)
            {
                await BreakOffAsync(problem);
                return;
            }
            if (journaled.Ordering > prepared.To)
            {
                // On to the next head that is remembered: it stands for what was written last, and that nothing is missing.
                if (system.Audit.Find(followed.Ordering) is null)
                    continue;
                confirmed = true;
                break;
            }
            head = followed;
            var hasPayload = prepared.Request.Payloads && !journaled.IsPruned;
            Add(
                new ExportEntry(
                    entry.Ordering, entry.PersistenceId, entry.SequenceNr, entry.CreatedMs, entry.Manifest, head.Digest, entry.CommandId,
                    hasPayload ? journaled.Payload.ToArray() : null, hasPayload ? null : entry.PayloadHash),
                ExportJson.Default.ExportEntry);
            await FlushAsync(FlushSize);
        }
        if (!confirmed && followed.Ordering != prepared.Tip.Ordering)
        {
            await BreakOffAsync(Changed(followed.Ordering));
            return;
        }
        var stretch = new AuditStretch(keys.Network, keys.Epoch, prepared.From, head, hash.Finish(), clock.Now);
        Add(
            new ExportEnd(keys.Sign(PayloadTypes.AuditStretch, ProtocolJson.Encode(stretch, ProtocolJson.Default.AuditStretch))),
            ExportJson.Default.ExportEnd);
        await FlushAsync(0);

        void Add<T>(T line, JsonTypeInfo<T> type)
        {
            var bytes = JsonSerializer.SerializeToUtf8Bytes(line, type);
            pending.Write(bytes);
            pending.WriteByte((byte)'\n');
            hash.Append(bytes);
            hash.Append("\n"u8);
        }

        Task BreakOffAsync(string problem)
        {
            Add(new ExportProblem(problem), ExportJson.Default.ExportProblem);
            return FlushAsync(0);
        }

        async Task FlushAsync(int above)
        {
            if (pending.Length <= above)
                return;
            await to.WriteAsync(pending.GetBuffer().AsMemory(0, (int)pending.Length), cancellationToken);
            pending.SetLength(0);
        }
    }

    string? Contradicts(AuditHead head) =>
        system.Audit.Find(head.Ordering) is { } followed && followed != head ? Changed(head.Ordering) : null;

    static string Changed(long ordering) =>
        $"the journal was changed near ordering {ordering} since this controller followed it, and is not signed: restore it from a backup";

    async IAsyncEnumerable<JournalEvent> ReadAsync(
        long after, long upTo, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (after < upTo)
        {
            var page = await journal.ReadAsync(after, PageSize, cancellationToken);
            foreach (var journaled in page)
            {
                if (journaled.Ordering > upTo)
                    yield break;
                yield return journaled;
            }
            if (page.Count < PageSize)
                yield break;
            after = page[^1].Ordering;
        }
    }
}

/// <summary>Is an export that can be written.</summary>
/// <param name="Request">What is wanted.</param>
/// <param name="From">Where the chain stands before its first entry.</param>
/// <param name="To">The last ordering that belongs to it.</param>
/// <param name="Tip">Where the chain stood when it was prepared.</param>
sealed record PreparedExport(ExportRequest Request, AuditHead From, long To, AuditHead Tip);
