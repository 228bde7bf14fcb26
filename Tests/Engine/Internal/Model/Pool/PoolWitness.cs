using System.Collections.Concurrent;

namespace Mesh.Tests.Engine.Model;

/// <summary>Checks what must hold whatever the schedule, while it happens and once the world is at rest.</summary>
sealed class PoolWitness(PoolWorld world) : Witness
{
    readonly ConcurrentQueue<Parcel> _parcels = new();
    readonly ConcurrentQueue<string> _violations = new();
    volatile bool _isCalm;
    int _terminations;

    public override bool IsCalm => _isCalm;

    public IEnumerable<string> Violations => _violations;

    public int Parcels => _parcels.Count;

    public int Terminations => Volatile.Read(ref _terminations);

    public void CalmDown() => _isCalm = true;

    public override Errand Sending(HostRecord from, int to, Errand errand)
    {
        // Nobody does not even bury what it gets.
        if (to == Nobodies.Nobody)
            return errand.With(null);
        var sent = from.Notes.Sent;
        var parcel = new Parcel(from.Number, to, sent[to] = sent.GetValueOrDefault(to) + 1);
        _parcels.Enqueue(parcel);
        return errand.With(parcel);
    }

    public override Errand SendingAtEnd(int subject, Errand errand) => errand.With(new Parcel(subject, 0, 0) { Subject = subject });

    public override void Entering(HostRecord host)
    {
        var thread = Environment.CurrentManagedThreadId;
        var busy = Interlocked.CompareExchange(ref host.Notes.Busy, thread, 0);
        // A handler whose gate is open already goes on within the turn that it came with.
        if (busy == thread)
            host.Notes.Nested++;
        else if (busy != 0)
            Complain($"#{host.Number} runs twice at once");
    }

    public override void Leaving(HostRecord host)
    {
        if (host.Notes.Nested > 0)
            host.Notes.Nested--;
        else
            Interlocked.Exchange(ref host.Notes.Busy, 0);
    }

    public override void Receiving(HostRecord host, object message)
    {
        switch (message)
        {
            case Terminated terminated:
                EndReceived(host, world.NumberOf(terminated.ActorRef));
                break;
            case Errand { Parcel: { Subject: > 0 and var subject } }:
                EndReceived(host, subject);
                break;
            case Errand { Parcel: { } parcel } when parcel.Receive():
                var received = host.Notes.Received;
                // Not only in order: nothing in between may be missing while the receiver lives.
                if (parcel.Sequence != received.GetValueOrDefault(parcel.From) + 1)
                    Complain($"{parcel} comes after {received.GetValueOrDefault(parcel.From)}");
                received[parcel.From] = parcel.Sequence;
                break;
            default:
                break;
        }
    }

    // An end that is stashed may be received again by rule; kept out, so that each can be counted once.
    public override bool MayStash(object? message) => message is not (Terminated or Errand { Parcel.Subject: > 0 });

    public override void Stashed(object? message) => (message as Errand)?.Parcel?.Stash();

    public override void ThrownAway(object message) => (message as Errand)?.Parcel?.ThrowAway();

    public override void Watching(HostRecord host, int subject)
    {
        if (subject == host.Number)
            return;
        var watches = host.Notes.Watches;
        var (calls, received, _) = watches.GetValueOrDefault(subject);
        watches[subject] = (calls + 1, received, true);
    }

    public override void Unwatching(HostRecord host, int subject) => host.Notes.Watches.Remove(subject);

    public override void Passing(HostRecord host, int incarnation, Passage passage)
    {
        var notes = host.Notes;
        var before = notes.Last;
        var legal = passage switch
        {
            Passage.Made => before is null or Passage.Disposed,
            Passage.Started or Passage.Restarted => before is Passage.Made,
            Passage.Receiving or Passage.EndingForRestart or Passage.EndingForGood =>
                before is Passage.Started or Passage.Restarted or Passage.Receiving,
            // A PreStart that throws has no hook after it.
            _ => before is Passage.EndingForRestart or Passage.EndingForGood or Passage.Started,
        };
        if (!legal || incarnation != host.Incarnations)
            Complain($"#{host.Number} incarnation {incarnation} of {host.Incarnations}: {passage} after {before}");
        notes.Last = passage;
    }

    /// <summary>Looks at what must hold once nobody has anything to do.</summary>
    public void CheckAtRest()
    {
        foreach (var host in world.Actors.Where(static host => !host.Reference.IsTerminated))
        {
            if (host.Mailbox.Suspensions > 0 || host.Mailbox.HasMessages)
                Complain($"#{host.Number} is suspended {host.Mailbox.Suspensions} times for good");
            foreach (var (subject, watch) in host.Notes.Watches)
            {
                if (watch.Owed && world.ReferenceOf(subject) is Mesh.Actors.Engine.Actor.LocalActorRef { IsTerminated: true })
                    Complain($"#{host.Number} was never told that #{subject} has ended");
            }
        }
    }

    /// <summary>Looks at what must hold once everybody is gone.</summary>
    public void CheckAtEnd()
    {
        foreach (var host in world.Actors.Where(static host => !host.Reference.IsTerminated))
            Complain($"#{host.Number} is left over");
        foreach (var parcel in _parcels.Where(static parcel => !parcel.IsAccountedFor))
            Complain($"{parcel} is not accounted for");
    }

    void EndReceived(HostRecord host, int subject)
    {
        Interlocked.Increment(ref _terminations);
        var watches = host.Notes.Watches;
        if (!watches.TryGetValue(subject, out var watch) || watch.Received >= watch.Calls)
            Complain($"#{host.Number} is told of the end of #{subject} once too often");
        watches[subject] = (watch.Calls, watch.Received + 1, false);
    }

    void Complain(string violation) => _violations.Enqueue(violation);
}

/// <summary>What a witness notes down about one actor, on that actor's turns.</summary>
sealed class HostNotes
{
    /// <summary>The thread that runs code of the actor; 0 while none does.</summary>
    public int Busy;

    /// <summary>How often that thread has entered once more without leaving.</summary>
    public int Nested { get; set; }

    public Passage? Last { get; set; }

    /// <summary>How many errands were sent, by receiver.</summary>
    public Dictionary<int, int> Sent { get; } = [];

    /// <summary>How many errands were received for the first time, by sender.</summary>
    public Dictionary<int, int> Received { get; } = [];

    /// <summary>By subject: how often it was watched since it was last unwatched, how often its end was told, and if it still must be.</summary>
    public Dictionary<int, (int Calls, int Received, bool Owed)> Watches { get; } = [];
}

/// <summary>Has a host end its timers.</summary>
sealed class Calm : INotInfluenceReceiveTimeout, IDeadLetterSuppression;
