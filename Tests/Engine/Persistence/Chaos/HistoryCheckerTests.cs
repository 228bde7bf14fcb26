namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>Histories written by hand: the checker finds nothing in a right one, and in each wrong one what is wrong with it.</summary>
public sealed class HistoryCheckerTests
{
    private const string Id = "e";
    private const string Writer = "actor/1";

    /// <summary>
    /// One event, then a batch of two, then one that is rejected, then one whose outcome nobody knows, which is stored; a second
    /// incarnation recovers from a snapshot of the first two and stores one more.
    /// </summary>
    private static readonly Entry[] Right =
    [
        new Sent(Id, "c", "c-1"),
        new Born(Id, 1),
        new Recovered(Id, 1, 0, []),
        new Taken(Id, 1, "c", "c-1", 1),
        new Called(Id, 1, Event("a", "c-1"), true),
        new WriteSent(Id, Writer),
        new Sent(Id, "c", "c-2"),
        new WriteAnswered(Id, Writer),
        new Handled(Id, 1, 1, Event("a", "c-1")),
        new Acknowledged(Id, "c", "c-1", "a", 1, false),
        new Taken(Id, 1, "c", "c-2", 2),
        new Called(Id, 1, Event("b", "c-2", 0, "b", 2), false),
        new Called(Id, 1, Event("b2", "c-2", 1, "b", 2), false),
        new DeferCalled(Id, 1, "deferred"),
        new WriteSent(Id, Writer),
        new WriteAnswered(Id, Writer),
        new Handled(Id, 1, 2, Event("b", "c-2", 0, "b", 2)),
        new Handled(Id, 1, 3, Event("b2", "c-2", 1, "b", 2)),
        new DeferHandled(Id, 1, "deferred"),
        new Acknowledged(Id, "c", "c-2", "b", 2, false),
        new Acknowledged(Id, "c", "c-2", "b2", 3, false),
        new Sent(Id, "c", "c-3"),
        new Taken(Id, 1, "c", "c-3", 3),
        new Called(Id, 1, Event("x", "c-3"), true),
        new WriteSent(Id, Writer),
        new WriteAnswered(Id, Writer),
        new Spent(Id, 4, Event("x", "c-3")),
        new Rejected(Id, 1, 4, Event("x", "c-3")),
        new Sent(Id, "c", "c-4"),
        new Taken(Id, 1, "c", "c-4", 4),
        new Called(Id, 1, Event("d", "c-4"), true),
        new WriteSent(Id, Writer),
        new WriteAnswered(Id, Writer),
        new Doubted(Id, 5, Event("d", "c-4")),
        new Broken(Id, 1, 5, Event("d", "c-4")),
        new Born(Id, 2),
        new Offered(Id, 2, 2, [Event("a", "c-1"), Event("b", "c-2", 0, "b", 2)]),
        new Replayed(Id, 2, 3, Event("b2", "c-2", 1, "b", 2)),
        new Replayed(Id, 2, 5, Event("d", "c-4")),
        new Recovered(Id, 2, 5, [Event("a", "c-1"), Event("b", "c-2", 0, "b", 2), Event("b2", "c-2", 1, "b", 2), Event("d", "c-4")]),
        new Sent(Id, "c", "c-4"),
        new Taken(Id, 2, "c", "c-4", 4),
        new Acknowledged(Id, "c", "c-4", "d", 0, true),
        new Sent(Id, "c", "c-5"),
        new Taken(Id, 2, "c", "c-5", 5),
        new Called(Id, 2, Event("e", "c-5"), true),
        new Handled(Id, 2, 6, Event("e", "c-5")),
        new Acknowledged(Id, "c", "c-5", "e", 6, false),
        new Stored(Id, 1, Event("a", "c-1")),
        new Stored(Id, 2, Event("b", "c-2", 0, "b", 2)),
        new Stored(Id, 3, Event("b2", "c-2", 1, "b", 2)),
        new Stored(Id, 5, Event("d", "c-4")),
        new Stored(Id, 6, Event("e", "c-5")),
    ];

    [Fact]
    public void Nothing_is_wrong_with_a_right_history() => Assert.Empty(HistoryChecker.Check(Right));

    [Fact]
    public void What_was_unknown_may_be_absent_too() => Assert.Empty(HistoryChecker.Check(
    [
        .. Right.TakeWhile(entry => entry is not Born { Incarnation: 2 }),
        .. Right.OfType<Stored>().Take(3),
    ]));

    [Fact]
    public void Entities_do_not_mix() => Assert.Empty(HistoryChecker.Check(
        Right.SelectMany(entry => new[] { entry, entry with { Entity = "other" } })));

    [Fact]
    public void An_event_acknowledged_and_handled_but_not_stored() => Names(
        Without<Stored>(stored => stored.SequenceNr == 6), Breach.HandledNotStored, Breach.AcknowledgedNotStored);

    [Fact]
    public void An_event_stored_twice() => Names([.. Right, new Stored(Id, 7, Event("e", "c-5"))], Breach.StoredTwice, Breach.TornBatch);

    [Fact]
    public void A_command_stored_twice() => Names(
        [
            .. Right,
            new Called(Id, 2, Event("again", "c-5"), true),
            new Stored(Id, 7, Event("again", "c-5")),
        ],
        Breach.StoredTwice);

    [Fact]
    public void An_event_from_nowhere() => Names([.. Right, new Stored(Id, 7, Event("nowhere", "c-6"))], Breach.StoredByNobody);

    [Fact]
    public void A_rejected_event_stored() => Names(
        With<Stored>(stored => stored.SequenceNr == 5, new Stored(Id, 4, Event("x", "c-3"))),
        Breach.RejectedButStored,
        Breach.RecoveredWrongly);

    [Fact]
    public void A_rejected_event_replayed() => Names(
        With<Replayed>(replayed => replayed.SequenceNr == 5, new Replayed(Id, 2, 4, Event("x", "c-3"))),
        Breach.RejectedButStored);

    [Fact]
    public void A_number_that_nobody_spent() => Names(Without<Spent>(_ => true), Breach.Gap);

    [Fact]
    public void A_number_spent_within_a_failed_request_is_no_gap() => Assert.Empty(HistoryChecker.Check(
        Right.Select(entry => entry is Spent spent ? new Doubted(Id, spent.SequenceNr, spent.Event) : entry)));

    [Fact]
    public void Two_events_swapped_in_the_journal() => Names(
        [
            .. Right.Where(entry => entry is not Stored { SequenceNr: 5 or 6 }),
            new Stored(Id, 5, Event("e", "c-5")),
            new Stored(Id, 6, Event("d", "c-4")),
        ],
        Breach.RecoveredWrongly,
        Breach.Renumbered);

    [Fact]
    public void Replies_in_another_order_than_the_numbers() => Names(
        [.. Right.Select(entry => entry switch
        {
            Acknowledged { Token: "b" } => Right.OfType<Acknowledged>().Single(each => each.Token == "b2"),
            Acknowledged { Token: "b2" } => Right.OfType<Acknowledged>().Single(each => each.Token == "b"),
            _ => entry,
        })],
        Breach.OutOfOrder);

    [Fact]
    public void A_journal_that_hands_over_in_another_order() => Names(
        [.. Right.Where(entry => entry is not Stored), .. Right.OfType<Stored>().Reverse()], Breach.OutOfOrder);

    [Fact]
    public void A_replay_in_another_order() => Names(
        [.. Right.Select(entry => entry switch
        {
            Replayed { SequenceNr: 3 } => Right.OfType<Replayed>().Last(),
            Replayed { SequenceNr: 5 } => Right.OfType<Replayed>().First(),
            _ => entry,
        })],
        Breach.OutOfOrder);

    [Fact]
    public void Another_number_than_the_client_was_told() => Names(
        [.. Right.Select(entry => entry is Acknowledged { Token: "e" } told ? told with { SequenceNr = 7 } : entry)], Breach.Renumbered);

    [Fact]
    public void Half_a_batch() => Names(
        Without<Stored>(stored => stored.Event.Token == "b2"),
        Breach.TornBatch,
        Breach.Gap,
        Breach.HandledNotStored,
        Breach.AcknowledgedNotStored,
        Breach.RecoveredWrongly);

    [Fact]
    public void A_batch_with_something_in_between() => Names(
        [.. Right.Select(entry => entry switch
        {
            Stored { SequenceNr: 1 } first => first with { SequenceNr = 2 },
            Stored { SequenceNr: 2 } second => second with { SequenceNr = 1 },
            _ => entry,
        })],
        Breach.TornBatch,
        Breach.OutOfOrder,
        Breach.Renumbered,
        Breach.RecoveredWrongly,
        Breach.WrongSnapshot);

    [Fact]
    public void A_state_that_is_not_the_fold_of_the_journal() => Names(
        [.. Right.Select(entry => entry is Recovered { Incarnation: 2 } end ? end with { State = end.State.RemoveAt(3) } : entry)],
        Breach.RecoveredWrongly);

    [Fact]
    public void A_recovery_that_ends_before_what_was_acknowledged() => Names(
        [.. Right.Select(entry => entry is Recovered { Incarnation: 2 } end
            ? end with { SequenceNr = 2, State = end.State.RemoveRange(2, 2) }
            : entry)],
        Breach.AcknowledgedNotRecovered);

    [Fact]
    public void A_snapshot_under_a_number_that_is_not_its_own() => Names(
        [.. Right.Select(entry => entry is Offered offer ? offer with { SequenceNr = 1 } : entry)], Breach.WrongSnapshot);

    [Fact]
    public void An_event_replayed_twice() => Names(
        With<Replayed>(replayed => replayed.SequenceNr == 5, Right.OfType<Replayed>().First()),
        Breach.SeenTwice,
        Breach.OutOfOrder);

    [Fact]
    public void A_handler_that_runs_twice() => Names(
        [.. Right.SelectMany(entry => entry is Handled { SequenceNr: 6 } ? new[] { entry, entry } : [entry])],
        Breach.SeenTwice,
        Breach.HandlersOutOfOrder,
        Breach.OutOfOrder);

    [Fact]
    public void Handlers_in_another_order_than_the_calls() => Names(
        [.. Right.Select(entry => entry switch
        {
            Handled { SequenceNr: 3 } => new DeferHandled(Id, 1, "deferred"),
            DeferHandled => Right.OfType<Handled>().Single(each => each.SequenceNr == 3),
            _ => entry,
        })],
        Breach.HandlersOutOfOrder);

    [Fact]
    public void A_command_taken_before_the_handler_of_the_one_before() => Names(
        With<Handled>(handled => handled.SequenceNr == 1, new Taken(Id, 1, "c", "c-2", 2)), Breach.CommandWhilePersisting);

    [Fact]
    public void A_command_taken_during_recovery() => Names(
        With<Replayed>(replayed => replayed.SequenceNr == 5, new Taken(Id, 2, "c", "c-4", 4)), Breach.CommandBeforeRecovery);

    [Fact]
    public void A_handler_that_runs_during_recovery() => Names(
        With<Replayed>(
            replayed => replayed.SequenceNr == 3,
            new Called(Id, 2, Event("e", "c-5"), true),
            new Handled(Id, 2, 6, Event("e", "c-5"))),
        Breach.CommandBeforeRecovery,
        Breach.OutOfOrder,
        Breach.SeenTwice);

    [Fact]
    public void Commands_taken_in_another_order_than_they_were_sent() => Names(
        With<Called>(called => called.Event.Token == "e", new Taken(Id, 2, "c", "c-0", 0)), Breach.CommandsOutOfOrder);

    [Fact]
    public void Two_writes_out_at_once() => Names(
        With<Handled>(handled => handled.SequenceNr == 6, new WriteSent(Id, "actor/2"), new WriteSent(Id, "actor/2")),
        Breach.TwoWritesOut);

    [Fact]
    public void A_write_of_the_next_instance_while_one_of_the_last_is_out_is_none_of_these() => Assert.Empty(HistoryChecker.Check(
        [.. Right, new WriteSent(Id, "actor/2"), new WriteSent(Id, "actor/3")]));

    [Fact]
    public void An_acknowledgement_that_went_astray() => Names(
        [.. Right.Select(entry => entry is Acknowledged { Token: "e" } told ? told with { Client = "other" } : entry)],
        Breach.AcknowledgedToAnother);

    [Fact]
    public void What_nobody_meant() => Names(
        [.. Right, new Strange(Id, "a message of the journal came as a command")], Breach.SomethingStrange);

    private static ChaosEvent Event(string token, string command, int part = 0, string? batch = null, int size = 1) =>
        new(token, command, part, batch ?? token, size);

    private static void Names(IEnumerable<Entry> history, params Breach[] breaches) =>
        Assert.Equal(breaches.Order(), HistoryChecker.Check(history).Select(violation => violation.Breach).Distinct().Order());

    private static IEnumerable<Entry> Without<T>(Predicate<T> gone)
        where T : Entry => Right.Where(entry => entry is not T each || !gone(each));

    /// <summary>With entries put before the first one that fits.</summary>
    private static IEnumerable<Entry> With<T>(Predicate<T> before, params Entry[] added)
        where T : Entry
    {
        var at = Array.FindIndex(Right, entry => entry is T each && before(each));
        return [.. Right[..at], .. added, .. Right[at..]];
    }
}
