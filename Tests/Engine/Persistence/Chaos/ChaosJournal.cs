using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>
/// A memory journal that fails before or after storing or halfway, rejects, takes its time, and answers when nobody waits any more. It
/// keeps the one promise that its callers build on: the highest number is read behind the writes of the entity that are under way.
/// </summary>
internal sealed class ChaosJournal : MemoryJournal
{
    private readonly ConcurrentDictionary<string, Task> _storing = new(StringComparer.Ordinal);
    private readonly ChaosWorld _world;

    public ChaosJournal(Config config) => _world = ChaosWorld.Of(config);

    public override async Task ReplayMessagesAsync(
        IActorContext context,
        string persistenceId,
        long fromSequenceNr,
        long toSequenceNr,
        long max,
        Action<IPersistentRepresentation> recoveryCallback)
    {
        var dice = _world.Draw($"replay {persistenceId}");
        var events = new List<IPersistentRepresentation>();
        await base.ReplayMessagesAsync(context, persistenceId, fromSequenceNr, toSequenceNr, max, events.Add);
        if (events.Count > 1 && _world.Lies(ChaosLie.LeaveOneOutOfReplay))
            events.RemoveAt(events.Count / 2);
        if (events.Count > 1 && _world.Lies(ChaosLie.ReplayOneTwice))
            events.Insert(events.Count / 2, events[(events.Count / 2) - 1]);

        var slow = dice.Rolls(_world.Odds.SlowReplay);
        if (dice.Rolls(_world.Odds.FailReplay))
            throw new ChaosException("replay failed");
        var end = dice.Rolls(_world.Odds.FailReplayHalfway) ? dice.Below(events.Count + 1) : events.Count;
        foreach (var each in events.Take(end))
        {
            if (slow)
                await _world.PauseAsync(dice, 0.2);
            recoveryCallback(each);
        }

        if (end < events.Count)
            throw new ChaosException("replay failed halfway");
    }

    public override async Task<long> ReadHighestSequenceNrAsync(string persistenceId, long fromSequenceNr)
    {
        var dice = _world.Draw($"highest {persistenceId}");
        if (_storing.TryGetValue(persistenceId, out var storing))
            await storing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _world.PauseAsync(dice, _world.Odds.SlowHighest);
        if (_world.IsOut(dice) || dice.Rolls(_world.Odds.FailHighest))
            throw new ChaosException("the highest number could not be read");
        var highest = await base.ReadHighestSequenceNrAsync(persistenceId, fromSequenceNr);
        return highest > 1 && _world.Lies(ChaosLie.ForgetTheLast) ? highest - 1 : highest;
    }

    protected override async Task<IImmutableList<Exception?>?> WriteMessagesAsync(IEnumerable<AtomicWrite> messages)
    {
        var writes = messages.ToList();
        var id = writes[0].PersistenceId;
        var dice = _world.Draw($"write {id}");
        var storing = StoreAsync(writes, dice);
        _storing[id] = storing;
        var outcomes = await storing;
        if (dice.Rolls(_world.Odds.LoseReply))
            await Task.Delay(_world.Odds.CallTimeout * (2 + dice.Next()));
        await _world.PauseAsync(dice, _world.Odds.SlowWrite);
        return outcomes;
    }

    private async Task<IImmutableList<Exception?>?> StoreAsync(List<AtomicWrite> writes, ChaosDice dice)
    {
        var odds = _world.Odds;
        if (dice.Rolls(odds.StoreLate))
            await Task.Delay(odds.CallTimeout * (1 + dice.Next()));
        await _world.PauseAsync(dice, odds.SlowWrite);
        if (_world.IsOut(dice) || dice.Rolls(odds.FailBefore))
            throw new ChaosException("nothing was stored");
        var outcomes = writes
            .Select(write => IsUnfit(write) || dice.Rolls(odds.Reject) ? new ChaosException("rejected") : null)
            .ToImmutableArray<Exception?>();
        var accepted = writes
            .Where((write, index) => outcomes[index] is null || (!IsUnfit(write) && _world.Lies(ChaosLie.StoreWhatIsRejected)))
            .ToList();
        if (dice.Rolls(odds.FailHalfway))
        {
            await StoreAsync(accepted[..dice.Below(accepted.Count + 1)]);
            throw new ChaosException("only the first writes were stored");
        }

        await StoreAsync(Deceive(accepted));
        return dice.Rolls(odds.FailAfter) ? throw new ChaosException("all was stored") : outcomes;
    }

    private Task StoreAsync(List<AtomicWrite> writes) => writes.Count > 0 ? base.WriteMessagesAsync(writes) : Task.CompletedTask;

    private List<AtomicWrite> Deceive(List<AtomicWrite> writes)
    {
        if (writes.Count == 0)
            return writes;
        if (_world.Lies(ChaosLie.AcknowledgeWithoutStoring))
            return writes[1..];
        if (_world.Lies(ChaosLie.StoreTwice))
            return [.. writes, new AtomicWrite(Renumber(Events(writes[^1])[^1], writes[^1].HighestSequenceNr + 1))];
        if (writes.Count > 1 && _world.Lies(ChaosLie.SwapTwoEvents))
        {
            var (one, two) = (Events(writes[0])[^1], Events(writes[1])[0]);
            return [With(writes[0], one, two), With(writes[1], two, one), .. writes[2..]];
        }

        if (writes.FindIndex(write => write.Size > 1) is var batch and >= 0 && _world.Lies(ChaosLie.StoreHalfABatch))
            return [.. writes[..batch], new AtomicWrite([.. Events(writes[batch]).Take(writes[batch].Size / 2)]), .. writes[(batch + 1)..]];
        return writes;
    }

    private static bool IsUnfit(AtomicWrite write) => Events(write).Any(each => each.Payload is UnfitEvent);

    private static IImmutableList<IPersistentRepresentation> Events(AtomicWrite write) =>
        (IImmutableList<IPersistentRepresentation>)write.Payload;

    private static IPersistentRepresentation Renumber(IPersistentRepresentation each, long number) =>
        each.Update(number, each.PersistenceId, each.IsDeleted, each.Sender, each.WriterGuid);

    /// <summary>The write with another event's payload in one place.</summary>
    private static AtomicWrite With(AtomicWrite write, IPersistentRepresentation place, IPersistentRepresentation other) =>
        new([.. Events(write).Select(each => each.SequenceNr == place.SequenceNr ? each.WithPayload(other.Payload) : each)]);
}
