using System.Collections.Concurrent;
using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Diagnostics;

/// <summary>Counts the actors of a system, for people who look for what is stuck.</summary>
public static class ActorCensusExtensions
{
    /// <summary>Walks the living tree. Safe at any time, from any thread; actors go on meanwhile.</summary>
    public static ActorReport TakeCensus(this ActorSystem system)
    {
        ArgumentNullException.ThrowIfNull(system);
        return ((ActorSystemImpl)system).Census.Take();
    }
}

/// <summary>
/// The counters of one system by class. An actor counts for itself, on its own turns; what it has counted is added here when it stops,
/// so that counting costs no shared memory on the way of a message.
/// </summary>
sealed class ActorCensus(ActorSystemImpl system)
{
    readonly ConcurrentDictionary<Type, Totals> _retired = new();

    /// <summary>Takes over the counts of an actor that stops.</summary>
    public void Retire(ActorCell cell)
    {
        var totals = _retired.GetOrAdd(cell.Props.Type, static _ => new Totals());
        lock (totals)
            totals.Add(cell);
    }

    public ActorReport Take()
    {
        var byType = new Dictionary<Type, Totals>();
        foreach (var (type, retired) in _retired)
        {
            lock (retired)
                byType.Add(type, retired.Copy());
        }
        var root = Walk(system.Root.Cell, byType);
        return new ActorReport(
            system.Name,
            root,
            [.. byType.Select(static pair => pair.Value.ToEntry(NameOf(pair.Key))).OrderBy(static entry => entry.Type, StringComparer.Ordinal)]);
    }

    static ActorEntry Walk(ActorCell cell, Dictionary<Type, Totals> byType)
    {
        var type = cell.Props.Type;
        if (!byType.TryGetValue(type, out var totals))
            byType.Add(type, totals = new Totals());
        totals.Add(cell);
        totals.Alive++;
        // One that has just stopped is counted among those, though its parent may not know yet.
        var children = cell.ChildCells().Where(static child => !child.Mailbox.IsClosed).Select(child => Walk(child, byType)).ToList();
        children.Sort(static (left, right) => string.CompareOrdinal(left.Name, right.Name));
        return new ActorEntry(
            cell.SelfRef.Path.Name, NameOf(type), cell.Activity, cell.CurrentEnvelopeId, cell.Restarts, cell.Mailbox.Depth,
            cell.Mailbox.Deepest, cell.Stashed, children);
    }

    static string NameOf(Type type) => type.IsGenericType
        ? $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(NameOf))}>"
        : type.Name;

    sealed class Totals
    {
        long _started;
        long _messages;
        long _restarts;
        long _stashed;
        int _deepest;

        public int Alive { get; set; }

        public void Add(ActorCell cell)
        {
            _started++;
            _messages += cell.CurrentEnvelopeId;
            _restarts += cell.Restarts;
            _stashed += cell.StashedInAll;
            _deepest = Math.Max(_deepest, cell.Mailbox.Deepest);
        }

        public Totals Copy() => (Totals)MemberwiseClone();

        public ActorTypeEntry ToEntry(string type) => new(type, Alive, _started, _messages, _restarts, _stashed, _deepest);
    }
}
