using System.Collections.Concurrent;
using System.Collections.Immutable;
using Mesh.Actors.Events;
using Mesh.Actors.Persistence;
using Mesh.Actors.Ports;
using Mesh.Protocol.Crypto;

namespace Mesh.Tests.Actors.Registry;

/// <summary>
/// Keeps what journals of several actor systems write, as a database would, with its tail; can stop the world after a write, or fail a
/// write that took place.
/// </summary>
/// <param name="manifests">The events that may be written; null for those of the network.</param>
public sealed class JournalStore(EventManifests? manifests = null) : IJournalTail, IJournalPruning, IDisposable
{
    static readonly ConcurrentDictionary<string, JournalStore> Stores = new();
    static int _lastName;

    readonly Lock _gate = new();
    readonly EventManifests _manifests = manifests ?? NetworkEvents.Manifests;
    readonly List<(JournalEvent Row, IPersistentRepresentation Written)> _rows = [];
    readonly Dictionary<string, long> _highest = new(StringComparer.Ordinal);
    long _last;
    TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    int _untilStop = -1;
    int _untilLie = -1;
    (string PersistenceId, int Times, Func<int, INetworkEvent> Event)? _rival;
    readonly ConcurrentDictionary<string, int> _replayed = new(StringComparer.Ordinal);
    bool _isStopped;

    public string Name { get; } = $"store{Interlocked.Increment(ref _lastName)}";

    public TaskCompletionSource Stopped { get; private set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Hocon => $$"""
        akka.persistence {
          journal { plugin = "test-journal" }
          snapshot-store { plugin = "test-snapshots" }
        }
        test-snapshots.class = "Mesh.Actors.Projection.EntitySnapshotStore, Mesh.Actors"
        test-journal {
          class = "{{typeof(StoredJournal).FullName}}, Mesh.Tests.Actors"
          store = {{Name}}
        }
        """;

    public IReadOnlyList<(JournalEvent Row, object Event)> Rows
    {
        get
        {
            lock (_gate)
                return [.. _rows.Select(row => (row.Row, row.Written.Payload!))];
        }
    }

    /// <summary>Lets journals find it by its name, until it is disposed of.</summary>
    public JournalStore Offer()
    {
        Stores[Name] = this;
        return this;
    }

    public static JournalStore Find(string name) => Stores[name];

    /// <summary>Lets so many more writes through; the last of them is stored and never answered, and nothing after it happens.</summary>
    public void StopAfter(int writes)
    {
        lock (_gate)
        {
            (_untilStop, _isStopped) = (writes, false);
            Stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>Stores the write so many writes from now and reports it as failed.</summary>
    public void LieAfter(int writes) => _untilLie = writes;

    /// <summary>Gives a copy of an older state back, as a database that was restored from a backup; nobody may be using it.</summary>
    public void RollBack(int rows)
    {
        lock (_gate)
        {
            _rows.RemoveRange(rows, _rows.Count - rows);
            _last = _rows.Count == 0 ? 0 : _rows[^1].Row.Ordering;
            _highest.Clear();
            foreach (var (row, _) in _rows)
                _highest[row.PersistenceId] = row.SequenceNr;
        }
    }

    /// <summary>Changes what is stored, as one does who has the database; readers that saw it before do not notice.</summary>
    public void Change(long ordering, Func<JournalEvent, JournalEvent> change)
    {
        lock (_gate)
        {
            var at = _rows.FindIndex(row => row.Row.Ordering == ordering);
            _rows[at] = (change(_rows[at].Row), _rows[at].Written);
        }
    }

    /// <summary>Gets or sets whether taking content out fails.</summary>
    public bool FailPruning { get; set; }

    /// <summary>Takes the content out of an event.</summary>
    public static JournalEvent WithoutContent(JournalEvent one) => one with { Payload = Sha256.Hash(one.Payload.Span).Value.Span.ToArray(), IsPruned = true };

    public Task PruneAsync(IReadOnlyCollection<string> persistenceIds, long upTo)
    {
        if (FailPruning)
            throw new IOException("the disk is full");
        lock (_gate)
        {
            for (var i = 0; i < _rows.Count; i++)
            {
                if (persistenceIds.Contains(_rows[i].Row.PersistenceId) && _rows[i].Row is { IsPruned: false } row && row.Ordering <= upTo)
                    _rows[i] = (WithoutContent(row), _rows[i].Written);
            }
        }
        return Task.CompletedTask;
    }

    /// <summary>Has another controller be first at the next so many writes of an entity.</summary>
    public void RaceAgainst(string persistenceId, int times, Func<int, INetworkEvent> rival)
    {
        lock (_gate)
            _rival = (persistenceId, times, rival);
    }

    /// <summary>Counts the events of an entity that recoveries read.</summary>
    public int Replayed(string persistenceId) => _replayed.GetValueOrDefault(persistenceId);

    /// <summary>Lets writes through again.</summary>
    public void GoOn()
    {
        lock (_gate)
            (_untilStop, _isStopped) = (-1, false);
    }

    public async Task WriteAsync(IReadOnlyList<IPersistentRepresentation> events)
    {
        var forEver = false;
        var lie = false;
        lock (_gate)
        {
            if (_isStopped)
                forEver = true;
            else
            {
                if (_rival is var (id, left, rival) && left > 0 && events[0].PersistenceId == id)
                {
                    Store(new Persistent(rival(left), events[0].SequenceNr, id));
                    _rival = (id, left - 1, rival);
                    Tell();
                }
                foreach (var entity in events.GroupBy(one => one.PersistenceId))
                {
                    var next = _highest.GetValueOrDefault(entity.Key);
                    if (entity.Any(one => one.SequenceNr != ++next))
                        throw new RaceLostException();
                }
                foreach (var one in events)
                    Store(one);
                if (_untilStop > 0 && --_untilStop == 0)
                    forEver = _isStopped = true;
                lie = _untilLie > 0 && --_untilLie == 0;
                if (!forEver)
                    Tell();
            }
        }
        if (forEver)
        {
            Stopped.TrySetResult();
            await Task.Delay(Timeout.Infinite);
        }
        if (lie)
            throw new IOException("the connection broke");

        void Store(IPersistentRepresentation written)
        {
            var happened = written.Payload!;
            _rows.Add((new JournalEvent(
                ++_last, written.PersistenceId, written.SequenceNr, 0, _manifests.ByType(happened.GetType()).Name,
                (happened as ICausedByCommand)?.CommandId, _manifests.Encode(happened)), written));
            _highest[written.PersistenceId] = written.SequenceNr;
        }

        void Tell()
        {
            _changed.TrySetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>Takes a number of an entity without an event, as a write does that was rejected.</summary>
    public void Spend(string persistenceId, long sequenceNr)
    {
        lock (_gate)
            _highest[persistenceId] = sequenceNr;
    }

    /// <summary>Deletes the events of an entity up to a number, which nobody can take again.</summary>
    public void DeleteTo(string persistenceId, long sequenceNr)
    {
        lock (_gate)
            _rows.RemoveAll(row => row.Row.PersistenceId == persistenceId && row.Row.SequenceNr <= sequenceNr);
    }

    /// <summary>Gives the events of an entity that a recovery reads.</summary>
    internal IReadOnlyList<IPersistentRepresentation> Replay(string persistenceId, long from, long to, long most)
    {
        lock (_gate)
        {
            return [.. _rows.Where(row => !row.Row.IsPruned && row.Row.PersistenceId == persistenceId && row.Row.SequenceNr >= from && row.Row.SequenceNr <= to)
                .Take((int)Math.Min(most, int.MaxValue)).Select(row => row.Written)];
        }
    }

    internal long Highest(string persistenceId)
    {
        lock (_gate)
            return _highest.GetValueOrDefault(persistenceId);
    }

    internal void CountReplayed(string persistenceId) => _replayed.AddOrUpdate(persistenceId, 1, static (_, count) => count + 1);

    public ValueTask<IReadOnlyList<JournalEvent>> ReadAsync(long afterOrdering, int limit, CancellationToken cancellationToken)
    {
        lock (_gate)
            return new([.. _rows.Select(row => row.Row).Where(row => row.Ordering > afterOrdering).Take(_isStopped ? 0 : limit)]);
    }

    public async ValueTask WaitAsync(long afterOrdering, TimeSpan atMost, CancellationToken cancellationToken)
    {
        Task changed;
        lock (_gate)
            changed = _rows.Count > 0 && _rows[^1].Row.Ordering > afterOrdering ? Task.CompletedTask : _changed.Task;
        // Either will do: the caller reads again whichever comes first.
        await Task.WhenAny(changed, Task.Delay(atMost, cancellationToken));
        cancellationToken.ThrowIfCancellationRequested();
    }

    public ValueTask<long> HighestOrderingAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
            return new(_rows.Count == 0 ? 0 : _rows[^1].Row.Ordering);
    }

    public void Dispose() => Stores.TryRemove(Name, out _);
}

/// <summary>Writes to a <see cref="JournalStore"/>.</summary>
public sealed class StoredJournal(Config config) : AsyncWriteJournal
{
    readonly JournalStore _store = JournalStore.Find(config.GetString("store")!);

    public override Task ReplayMessagesAsync(
        IActorContext context, string persistenceId, long fromSequenceNr, long toSequenceNr, long max,
        Action<IPersistentRepresentation> recoveryCallback)
    {
        foreach (var written in _store.Replay(persistenceId, fromSequenceNr, toSequenceNr, max))
        {
            _store.CountReplayed(persistenceId);
            recoveryCallback(written);
        }
        return Task.CompletedTask;
    }

    public override Task<long> ReadHighestSequenceNrAsync(string persistenceId, long fromSequenceNr) =>
        Task.FromResult(_store.Highest(persistenceId));

    protected override async Task<IImmutableList<Exception?>?> WriteMessagesAsync(IEnumerable<AtomicWrite> messages)
    {
        await _store.WriteAsync([.. messages.SelectMany(write => (IEnumerable<IPersistentRepresentation>)write.Payload)]);
        return null;
    }

    protected override Task DeleteMessagesToAsync(string persistenceId, long toSequenceNr)
    {
        _store.DeleteTo(persistenceId, toSequenceNr);
        return Task.CompletedTask;
    }
}

sealed class RaceLostException() : Exception("another writer was first"), IWriteConflict;
