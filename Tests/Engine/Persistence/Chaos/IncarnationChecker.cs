namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>Holds what one instance of an entity's actor saw to what persistence promises.</summary>
internal sealed class IncarnationChecker(EntityChecker entity, int incarnation)
{
    private readonly int _knownBefore = entity.KnownSoFar.Count;
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private readonly Queue<(string Token, bool CommandsWait)> _calls = new();
    private long _lastNumber;
    private bool _isRecovered;

    public void Offer(Offered offered)
    {
        _lastNumber = offered.SequenceNr;
        if (!IsTheJournal(offered.State, offered.SequenceNr))
        {
            var difference = Difference(offered.State, offered.SequenceNr);
            entity.Report(Breach.WrongSnapshot, $"{offered.SequenceNr}, offered to {incarnation}, {difference}");
        }

        foreach (var each in offered.State)
            See(each.Token);
    }

    public void Replay(Replayed replayed)
    {
        _lastNumber = entity.Follow(_lastNumber, replayed.SequenceNr, $"replay to {incarnation}");
        See(replayed.Event.Token);
        if (entity.Refused.Contains(replayed.Event.Token))
            entity.Report(Breach.RejectedButStored, $"{replayed.Event} was rejected and is replayed to {incarnation}");
    }

    public void Recover(Recovered recovered)
    {
        _isRecovered = true;
        _lastNumber = Math.Max(_lastNumber, recovered.SequenceNr);
        if (!IsTheJournal(recovered.State, recovered.SequenceNr))
        {
            var difference = Difference(recovered.State, recovered.SequenceNr);
            entity.Report(Breach.RecoveredWrongly, $"{incarnation}, up to {recovered.SequenceNr}, {difference}");
        }

        var recoveredTokens = recovered.State.Select(each => each.Token).ToHashSet(StringComparer.Ordinal);
        foreach (var known in entity.KnownSoFar.Take(_knownBefore).Where(known => !recoveredTokens.Contains(known.Token)))
            entity.Report(Breach.AcknowledgedNotRecovered, $"{known.Token}, acknowledged as {known.SequenceNr}, is not in {incarnation}");
    }

    public void Take(Taken taken)
    {
        if (!_isRecovered)
            entity.Report(Breach.CommandBeforeRecovery, $"{incarnation} takes {taken.Command}");
        foreach (var (token, _) in _calls.Where(call => call.CommandsWait))
            entity.Report(Breach.CommandWhilePersisting, $"{incarnation} takes {taken.Command} before {token} is done with");
        entity.Take(taken);
    }

    public void Call(string token, bool commandsWait) => _calls.Enqueue((token, commandsWait));

    public void Handle(Handled handled)
    {
        if (!_isRecovered)
            entity.Report(Breach.CommandBeforeRecovery, $"{incarnation} handles {handled.Event}");
        Answer(handled.Event.Token);
        See(handled.Event.Token);
        _lastNumber = entity.Follow(_lastNumber, handled.SequenceNr, $"handlers of {incarnation}");
        if (!entity.Numbers.TryGetValue(handled.Event.Token, out var number))
            entity.Report(Breach.HandledNotStored, $"{handled.Event}, handled as {handled.SequenceNr}");
        else if (number != handled.SequenceNr)
            entity.Report(Breach.Renumbered, $"{handled.Event} was handled as {handled.SequenceNr} and is {number}");
    }

    /// <summary>Every call is answered once, in the order of the calls; those that the end of the instance cuts off are not.</summary>
    public void Answer(string token)
    {
        if (!_calls.TryDequeue(out var call))
            entity.Report(Breach.HandlersOutOfOrder, $"{incarnation} hears of {token} and waits for nothing");
        else if (call.Token != token)
            entity.Report(Breach.HandlersOutOfOrder, $"{incarnation} hears of {token} and waits for {call.Token}");
    }

    private void See(string token)
    {
        if (!_seen.Add(token))
            entity.Report(Breach.SeenTwice, $"{incarnation} sees {token} again");
    }

    private bool IsTheJournal(IEnumerable<ChaosEvent> state, long sequenceNr) => state.Select(each => each.Token).SequenceEqual(
        entity.Journal.TakeWhile(stored => stored.SequenceNr <= sequenceNr).Select(stored => stored.Event.Token), StringComparer.Ordinal);

    private string Difference(IEnumerable<ChaosEvent> state, long sequenceNr)
    {
        var has = state.Select(each => each.Token).ToList();
        var due = entity.Journal.Where(stored => stored.SequenceNr <= sequenceNr).Select(stored => stored.Event.Token).ToList();
        return $"lacks {List(due.Except(has, StringComparer.Ordinal))}, has beyond that {List(has.Except(due, StringComparer.Ordinal))}";
    }

    private static string List(IEnumerable<string> tokens) => string.Join(' ', tokens.DefaultIfEmpty("nothing"));
}
