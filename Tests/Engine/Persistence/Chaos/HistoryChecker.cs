namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>Holds a history to what persistence promises. Takes it as it is: asks nobody, knows no engine.</summary>
internal static class HistoryChecker
{
    public static IReadOnlyList<Violation> Check(IEnumerable<Entry> history) =>
    [
        .. history
            .GroupBy(entry => entry.Entity, StringComparer.Ordinal)
            .SelectMany(entries => new EntityChecker(entries.Key, [.. entries]).Check()),
    ];
}

/// <summary>Holds the history of one entity to what persistence promises.</summary>
internal sealed class EntityChecker(string entity, IReadOnlyList<Entry> entries)
{
    private readonly List<Violation> _violations = [];
    private readonly Dictionary<int, IncarnationChecker> _incarnations = [];
    private readonly List<Acknowledged> _acknowledged = [];
    private readonly Dictionary<string, long> _lastAcknowledged = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _lastTaken = new(StringComparer.Ordinal);
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);
    private readonly HashSet<string> _writing = new(StringComparer.Ordinal);
    private int _position;
    private readonly HashSet<(string, string)> _sent = [.. entries.OfType<Sent>().Select(sent => (sent.Client, sent.Command))];

    /// <summary>What the journal holds in the end, by number.</summary>
    public IReadOnlyList<Stored> Journal { get; } = [.. entries.OfType<Stored>().OrderBy(stored => stored.SequenceNr)];

    /// <summary>Under which number the journal has an event.</summary>
    public IReadOnlyDictionary<string, long> Numbers { get; } = entries.OfType<Stored>()
        .GroupBy(stored => stored.Event.Token, StringComparer.Ordinal)
        .ToDictionary(same => same.Key, same => same.First().SequenceNr, StringComparer.Ordinal);

    /// <summary>Events that the journal rejected.</summary>
    public IReadOnlySet<string> Refused { get; } = entries.Select(entry => entry switch
    {
        Spent spent => spent.Event.Token,
        Rejected rejected => rejected.Event.Token,
        _ => null,
    }).OfType<string>().ToHashSet(StringComparer.Ordinal);

    /// <summary>Events of which a client knew, so far, that they are stored.</summary>
    public IReadOnlyList<Acknowledged> KnownSoFar => _acknowledged;

    public IReadOnlyList<Violation> Check()
    {
        for (_position = 0; _position < entries.Count; _position++)
            Check(entries[_position]);
        CheckJournal();
        return _violations;
    }

    public void Report(Breach breach, string what) => _violations.Add(new Violation(breach, entity, what, _position));

    /// <summary>Numbers rise along whatever this is.</summary>
    public long Follow(long last, long next, string where)
    {
        if (next <= last)
            Report(Breach.OutOfOrder, $"{where}: {next} comes after {last}");
        return next;
    }

    /// <summary>First takes of a client's commands are in the order of sending; what comes again, stashed or sent, need not be.</summary>
    public void Take(Taken taken)
    {
        if (!_taken.Add(taken.Command))
            return;
        if (_lastTaken.TryGetValue(taken.Client, out var last) && taken.Number < last)
            Report(Breach.CommandsOutOfOrder, $"{taken.Command} is taken after number {last} of the same client");
        else
            _lastTaken[taken.Client] = taken.Number;
    }

    private void Check(Entry entry)
    {
        switch (entry)
        {
            case Born born:
                _incarnations[born.Incarnation] = new IncarnationChecker(this, born.Incarnation);
                break;
            case Offered offered:
                _incarnations[offered.Incarnation].Offer(offered);
                break;
            case Replayed replayed:
                _incarnations[replayed.Incarnation].Replay(replayed);
                break;
            case Recovered recovered:
                _incarnations[recovered.Incarnation].Recover(recovered);
                break;
            case Taken taken:
                _incarnations[taken.Incarnation].Take(taken);
                break;
            case Called called:
                _incarnations[called.Incarnation].Call(called.Event.Token, called.CommandsWait);
                break;
            case DeferCalled called:
                _incarnations[called.Incarnation].Call(called.Token, commandsWait: false);
                break;
            case Handled handled:
                _incarnations[handled.Incarnation].Handle(handled);
                break;
            case DeferHandled handled:
                _incarnations[handled.Incarnation].Answer(handled.Token);
                break;
            case Rejected rejected:
                _incarnations[rejected.Incarnation].Answer(rejected.Event.Token);
                break;
            case Broken broken:
                _incarnations[broken.Incarnation].Answer(broken.Event.Token);
                break;
            case Acknowledged acknowledged:
                Acknowledge(acknowledged);
                break;
            case WriteSent sent when !_writing.Add(sent.Writer):
                Report(Breach.TwoWritesOut, $"{sent.Writer} writes while it is writing");
                break;
            case WriteAnswered answered:
                _writing.Remove(answered.Writer);
                break;
            case Strange strange:
                Report(Breach.SomethingStrange, strange.What);
                break;
        }
    }

    private void CheckJournal()
    {
        var last = 0L;
        foreach (var stored in entries.OfType<Stored>())
            last = Follow(last, stored.SequenceNr, "the journal");

        var called = entries.OfType<Called>().Select(each => each.Event.Token).ToHashSet(StringComparer.Ordinal);
        foreach (var stored in Journal.Where(stored => !called.Contains(stored.Event.Token)))
            Report(Breach.StoredByNobody, $"{stored.SequenceNr} is {stored.Event}, which nobody persisted");
        foreach (var stored in Journal.Where(stored => Refused.Contains(stored.Event.Token)))
            Report(Breach.RejectedButStored, $"{stored.SequenceNr} is {stored.Event}, which was rejected");
        foreach (var same in Journal.GroupBy(stored => (stored.Event.Command, stored.Event.Part)).Where(same => same.Count() > 1))
        {
            var numbers = string.Join(", ", same.Select(each => each.SequenceNr));
            Report(Breach.StoredTwice, $"part {same.Key.Part} of {same.Key.Command} is at {numbers}");
        }

        CheckGaps();
        CheckBatches();
    }

    /// <summary>A rejection spends a number; so does one that was not told of, because the request that it was in failed.</summary>
    private void CheckGaps()
    {
        var spent = entries.OfType<Spent>().Select(each => each.SequenceNr).ToHashSet();
        spent.UnionWith(entries.OfType<Doubted>().Select(each => each.SequenceNr));
        var there = Journal.Select(stored => stored.SequenceNr).ToHashSet();
        for (var number = 1L; number < (Journal.Count == 0 ? 0 : Journal[^1].SequenceNr); number++)
        {
            if (!there.Contains(number) && !spent.Contains(number))
                Report(Breach.Gap, $"there is no {number}");
        }
    }

    private void CheckBatches()
    {
        foreach (var batch in Journal.GroupBy(stored => stored.Event.Batch, StringComparer.Ordinal))
        {
            var numbers = batch.Select(stored => stored.SequenceNr).ToList();
            var size = batch.First().Event.Size;
            if (numbers.Count != size || numbers[^1] - numbers[0] + 1 != numbers.Count)
                Report(Breach.TornBatch, $"of {batch.Key} and what goes with it, {size} in all, there are {string.Join(", ", numbers)}");
        }
    }

    private void Acknowledge(Acknowledged acknowledged)
    {
        if (!_sent.Contains((acknowledged.Client, acknowledged.Command)))
            Report(Breach.AcknowledgedToAnother, $"{acknowledged.Client} hears of {acknowledged.Command}");
        if (!Numbers.TryGetValue(acknowledged.Token, out var number))
            Report(Breach.AcknowledgedNotStored, $"{acknowledged.Token} of {acknowledged.Command}, said to be {acknowledged.SequenceNr}");
        else if (acknowledged.Again)
            number = 0;
        else if (number != acknowledged.SequenceNr)
            Report(Breach.Renumbered, $"{acknowledged.Token} was acknowledged as {acknowledged.SequenceNr} and is {number}");
        if (number > 0)
        {
            var last = _lastAcknowledged.GetValueOrDefault(acknowledged.Client);
            _lastAcknowledged[acknowledged.Client] = Follow(last, number, $"replies to {acknowledged.Client}");
        }

        _acknowledged.Add(acknowledged);
    }
}
