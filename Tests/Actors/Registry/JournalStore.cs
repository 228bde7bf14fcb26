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
public sealed class JournalStore : IJournalTail, IJournalPruning, IDisposable
{
    static readonly ConcurrentDictionary<string, JournalStore> Stores = new();
    static int _last;

    readonly Lock _gate = new();
    readonly List<(JournalEvent Row, object Event)> _rows = [];
    TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    int _untilStop = -1;
    int _untilLie = -1;
    (string PersistenceId, int Times, Func<int, INetworkEvent> Event)? _rival;
    readonly ConcurrentDictionary<string, int> _replayed = new(StringComparer.Ordinal);
    bool _isStopped;

    public JournalStore() => Stores[Name] = this;

    public string Name { get; } = $"store{Interlocked.Increment(ref _last)}";

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
                return [.. _rows];
        }
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
            _rows.RemoveRange(rows, _rows.Count - rows);
    }

    /// <summary>Changes what is stored, as one does who has the database; readers that saw it before do not notice.</summary>
    public void Change(long ordering, Func<JournalEvent, JournalEvent> change)
    {
        lock (_gate)
            _rows[(int)ordering - 1] = (change(_rows[(int)ordering - 1].Row), _rows[(int)ordering - 1].Event);
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
                    _rows[i] = (WithoutContent(row), _rows[i].Event);
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
                    Store(id, events[0].SequenceNr, rival(left));
                    _rival = (id, left - 1, rival);
                    Tell();
                }
                foreach (var one in events)
                {
                    if (_rows.Exists(row => row.Row.PersistenceId == one.PersistenceId && row.Row.SequenceNr == one.SequenceNr))
                        throw new RaceLostException();
                }
                foreach (var one in events)
                    Store(one.PersistenceId, one.SequenceNr, one.Payload);
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

        void Store(string persistenceId, long sequenceNr, object happened) => _rows.Add((new JournalEvent(
            _rows.Count + 1, persistenceId, sequenceNr, 0, NetworkEvents.Manifests.ByType(happened.GetType()).Name,
            (happened as ICausedByCommand)?.CommandId, NetworkEvents.Manifests.Encode(happened)), happened));

        void Tell()
        {
            _changed.TrySetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
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
            changed = _rows.Count > afterOrdering ? Task.CompletedTask : _changed.Task;
        // Either will do: the caller reads again whichever comes first.
        await Task.WhenAny(changed, Task.Delay(atMost, cancellationToken));
        cancellationToken.ThrowIfCancellationRequested();
    }

    public ValueTask<long> HighestOrderingAsync(CancellationToken cancellationToken) => new(Rows.Count);

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
        foreach (var (row, happened) in _store.Rows)
        {
            if (row.IsPruned || row.PersistenceId != persistenceId || row.SequenceNr < fromSequenceNr || row.SequenceNr > toSequenceNr)
                continue;
            _store.CountReplayed(persistenceId);
            recoveryCallback(new Persistent(happened, row.SequenceNr, persistenceId, row.Manifest));
        }
        return Task.CompletedTask;
    }

    public override Task<long> ReadHighestSequenceNrAsync(string persistenceId, long fromSequenceNr) =>
        Task.FromResult(_store.Rows.Where(row => row.Row.PersistenceId == persistenceId).Select(row => row.Row.SequenceNr).DefaultIfEmpty(0).Max());

    protected override async Task<IImmutableList<Exception?>?> WriteMessagesAsync(IEnumerable<AtomicWrite> messages)
    {
        await _store.WriteAsync([.. messages.SelectMany(write => (IEnumerable<IPersistentRepresentation>)write.Payload)]);
        return null;
    }

    protected override Task DeleteMessagesToAsync(string persistenceId, long toSequenceNr) => Task.CompletedTask;
}

sealed class RaceLostException() : Exception("another writer was first"), IWriteConflict;
