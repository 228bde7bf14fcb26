using System.Collections.Concurrent;

namespace Mesh.Tests.Engine.Persistence;

/// <summary>A journal that hands everything to a probe, so that a test decides when a write is done.</summary>
public sealed class JournalPuppet : ReceiveActor
{
    public static readonly ConcurrentDictionary<string, IActorRef> Probes = new();

    public JournalPuppet(Config config)
    {
        var probe = Probes[config.GetString("probe")!];
        ReceiveAny(probe.Forward);
    }
}

public sealed class PersistentActorJournalProtocolSpec : TestKit
{
    private readonly TestProbe _journal;

    public PersistentActorJournalProtocolSpec()
        : this(Guid.NewGuid().ToString())
    {
    }

    private PersistentActorJournalProtocolSpec(string key)
        : base($$"""
            puppet {
              class = "Mesh.Tests.Engine.Persistence.JournalPuppet, Mesh.Tests.Engine"
              probe = "{{key}}"
            }
            akka.persistence.journal.plugin = puppet
            """)
    {
        _journal = CreateTestProbe();
        JournalPuppet.Probes[key] = _journal.Ref;
    }

    [Fact]
    public async Task PersistentActor_journal_protocol_should_not_send_WriteMessages_while_a_write_is_still_outstanding_when_using_simple_Persist()
    {
        var subject = await StartAsync("test-1");
        subject.Tell(new Persist(1, "a-1"));
        var first = await ExpectWriteAsync(subject, ["a-1"]);
        subject.Tell(new Persist(2, "a-2"));
        await NothingMoreAsync();
        Confirm(first);
        await ExpectMsgAsync(new Stored(1, 1));
        Confirm(await ExpectWriteAsync(subject, ["a-2"]));
        await ExpectMsgAsync(new Stored(2, 1));
        await StopAsync(subject);
    }

    [Fact]
    public async Task PersistentActor_journal_protocol_should_not_send_WriteMessages_while_a_write_is_still_outstanding_when_using_nested_Persist()
    {
        var subject = await StartAsync("test-2");
        subject.Tell(new Persist(1, new Persist(2, "a-1")));
        var outer = await ExpectWriteAsync(subject, [new Persist(2, "a-1")]);
        subject.Tell(new Persist(3, "a-2"));
        await NothingMoreAsync();
        Confirm(outer);
        await ExpectMsgAsync(new Stored(1, 1));
        var inner = await ExpectWriteAsync(subject, ["a-1"]);
        await NothingMoreAsync();
        Confirm(inner);
        await ExpectMsgAsync(new Stored(2, 1));
        Confirm(await ExpectWriteAsync(subject, ["a-2"]));
        await ExpectMsgAsync(new Stored(3, 1));
        await StopAsync(subject);
    }

    [Fact]
    public async Task PersistentActor_journal_protocol_should_not_send_WriteMessages_while_a_write_is_still_outstanding_when_using_nested_multiple_Persist()
    {
        var subject = await StartAsync("test-3");
        subject.Tell(new Multi(new Persist(1, new Persist(2, "a-1")), new Persist(3, "a-2")));
        var both = await ExpectWriteAsync(subject, [new Persist(2, "a-1")], ["a-2"]);
        await NothingMoreAsync();
        Confirm(both);
        await ExpectMsgAsync(new Stored(1, 1));
        await ExpectMsgAsync(new Stored(3, 1));
        Confirm(await ExpectWriteAsync(subject, ["a-1"]));
        await ExpectMsgAsync(new Stored(2, 1));
        await StopAsync(subject);
    }

    [Fact]
    public async Task PersistentActor_journal_protocol_should_not_send_WriteMessages_while_a_write_is_still_outstanding_when_using_large_number_of_Persist_calls()
    {
        var subject = await StartAsync("test-4");
        subject.Tell(new Multi([.. Enumerable.Range(0, 30).Select(i => new Persist(i, $"a-{i}"))]));
        var all = await ExpectWriteAsync(subject, [.. Enumerable.Range(0, 30).Select(i => new object[] { $"a-{i}" })]);
        await NothingMoreAsync();
        Confirm(all);
        for (var i = 0; i < 30; i++)
            await ExpectMsgAsync(new Stored(i, 1));
        await StopAsync(subject);
    }

    [Fact]
    public async Task PersistentActor_journal_protocol_should_not_send_WriteMessages_while_a_write_is_still_outstanding_when_using_large_number_of_PersistAsync_calls()
    {
        var subject = await StartAsync("test-5");
        foreach (var command in PersistAsyncOneTwoThreeFour())
            subject.Tell(command);
        var first = await ExpectWriteAsync(subject, ["a-0"]);
        await NothingMoreAsync();
        Confirm(first);

        // What gathered during the first write goes in one.
        var rest = await ExpectWriteAsync(subject, [.. Enumerable.Range(1, 3).Select(i => new object[] { $"a-{i}" })]);
        await NothingMoreAsync();
        Confirm(rest);
        for (var i = 0; i < 4; i++)
            await ExpectMsgAsync(new Stored(i, 1));
        await StopAsync(subject);
    }

    [Fact]
    public async Task PersistentActor_journal_protocol_should_not_send_WriteMessages_while_a_write_is_still_outstanding_when_the_actor_fails_with_queued_events()
    {
        var subject = await StartAsync("test-6");
        foreach (var command in PersistAsyncOneTwoThreeFour())
            subject.Tell(command);
        var first = await ExpectWriteAsync(subject, ["a-0"]);
        subject.Tell("boom");
        await ExpectMsgAsync("restarting");
        await _journal.ExpectMsgAsync<ReplayMessages>();
        Confirm(first);

        // The new instance does not take the reply to the old one for its own; what was queued there is lost with it.
        _journal.Reply(new RecoverySuccess(1));
        await ExpectMsgAsync<RecoveryCompleted>();
        subject.Tell(new Persist(7, "b-1"));
        Confirm(await ExpectWriteAsync(subject, ["b-1"]));
        await ExpectMsgAsync(new Stored(7, 1));
        await StopAsync(subject);
    }

    [Fact]
    public async Task All_of_one_command_is_one_request_and_what_is_persisted_together_one_write_of_it()
    {
        var subject = await StartAsync("test-8");
        subject.Tell(new Multi(new Persist(1, "a"), new All(2, "b", "c"), new PersistsAsync(3, "d"), new All(4, "e")));
        var write = await ExpectWriteAsync(subject, ["a"], ["b", "c"], ["d"], ["e"]);
        Assert.Equal(
            [(1, 1), (2, 3), (4, 4), (5, 5)],
            write.Messages.Cast<AtomicWrite>().Select(each => ((int)each.LowestSequenceNr, (int)each.HighestSequenceNr)));
        Confirm(write);
        foreach (var id in (int[])[1, 2, 2, 3, 4])
            await ExpectMsgAsync(new Stored(id, 1));
        await StopAsync(subject);
    }

    [Fact]
    public async Task What_is_deferred_goes_through_the_journal_in_its_place_and_is_not_stored()
    {
        var subject = await StartAsync("test-9");
        subject.Tell(new Multi(new PersistsAsync(1, "a"), new Defer(2, "between"), new PersistsAsync(3, "b")));
        var write = await _journal.ExpectMsgAsync<WriteMessages>();
        var envelopes = write.Messages.ToList<IPersistentEnvelope>();
        Assert.Equal([true, false, true], envelopes.Select(each => each is AtomicWrite));
        Assert.Equal(("between", 1, TestActor), (envelopes[1].Payload, envelopes[1].Size, envelopes[1].Sender));
        subject.Tell(WriteMessagesSuccessful.Instance, _journal.Ref);
        foreach (var envelope in envelopes)
        {
            object reply = envelope is AtomicWrite atomic
                ? new WriteMessageSuccess(((IEnumerable<IPersistentRepresentation>)atomic.Payload).Single(), write.ActorInstanceId)
                : new LoopMessageSuccess(envelope.Payload, write.ActorInstanceId);
            subject.Tell(reply, TestActor);
        }

        foreach (var id in (int[])[1, 2, 3])
            await ExpectMsgAsync(new Stored(id, 1));
        await StopAsync(subject);
    }

    [Fact]
    public async Task A_replay_that_the_journal_gives_up_ends_the_actor()
    {
        var subject = Sys.ActorOf(Props.Create(() => new Subject(TestActor)), "test-10");
        await WatchAsync(subject);
        await _journal.ExpectMsgAsync<ReplayMessages>();
        _journal.Reply(new ReplayedMessage(new Persistent("a-1", 1, "test-10")));
        _journal.Reply(new ReplayMessagesFailure(new TestException("no further")));
        await ExpectMsgAsync("a-1");
        await ExpectTerminatedAsync(subject);
    }

    [Fact]
    public void Requests_and_responses_are_marked_as_what_they_are()
    {
        var persistent = new Persistent("event", 1, "p");
        Assert.All(
            (object[])[
                new WriteMessages([], TestActor, 1), new ReplayMessages(1, 2, 3, "p", TestActor), new DeleteMessagesTo("p", 1, TestActor)],
            message => Assert.IsAssignableFrom<IJournalRequest>(message));
        Assert.All(
            (object[])[
                WriteMessagesSuccessful.Instance, new WriteMessagesFailed(new TestException(""), 1), new WriteMessageSuccess(persistent, 1),
                new WriteMessageRejected(persistent, new TestException(""), 1), new WriteMessageFailure(persistent, new TestException(""), 1),
                new LoopMessageSuccess("", 1), new ReplayedMessage(persistent), new RecoverySuccess(1),
                new ReplayMessagesFailure(new TestException(""))],
            message => Assert.IsAssignableFrom<IJournalResponse>(message));
    }

    [Fact]
    public async Task Recovery_asks_for_what_follows_the_snapshot_and_commands_wait_for_its_end()
    {
        var subject = Sys.ActorOf(Props.Create(() => new Subject(TestActor)), "test-7");
        subject.Tell(new Persist(1, "a-3"));
        var replay = await _journal.ExpectMsgAsync<ReplayMessages>();
        Assert.Equal((1, long.MaxValue, long.MaxValue, "test-7"), (replay.FromSequenceNr, replay.ToSequenceNr, replay.Max, replay.PersistenceId));
        _journal.Reply(new ReplayedMessage(new Persistent("a-1", 1, "test-7")));
        _journal.Reply(new ReplayedMessage(new Persistent("a-2", 2, "test-7")));
        await ExpectMsgAsync("a-1");
        await ExpectMsgAsync("a-2");
        await NothingMoreAsync();
        _journal.Reply(new RecoverySuccess(2));
        await ExpectMsgAsync<RecoveryCompleted>();
        var write = await ExpectWriteAsync(subject, ["a-3"]);
        Assert.Equal(3, ((AtomicWrite)write.Messages.Single()).LowestSequenceNr);
    }

    private static IEnumerable<PersistsAsync> PersistAsyncOneTwoThreeFour() => Enumerable.Range(0, 4).Select(i => new PersistsAsync(i, $"a-{i}"));

    private async Task<IActorRef> StartAsync(string name)
    {
        var subject = Sys.ActorOf(Props.Create(() => new Subject(TestActor)), name);
        await _journal.ExpectMsgAsync<ReplayMessages>();
        _journal.Reply(new RecoverySuccess(0));
        await ExpectMsgAsync<RecoveryCompleted>();
        return subject;
    }

    private async Task StopAsync(IActorRef subject)
    {
        await WatchAsync(subject);
        subject.Tell(PoisonPill.Instance);
        await ExpectTerminatedAsync(subject);
        Assert.False(_journal.HasMessages);
    }

    /// <summary>The actor has answered after everything before, and the journal has heard nothing.</summary>
    private async Task NothingMoreAsync() => await _journal.ExpectNoMsgAsync(TimeSpan.FromMilliseconds(60));

    private async Task<WriteMessages> ExpectWriteAsync(IActorRef subject, params object[][] expected)
    {
        var write = await _journal.ExpectMsgAsync<WriteMessages>();
        Assert.Equal(subject, write.PersistentActor);
        Assert.Equal(
            expected,
            write.Messages.Select(each => ((IEnumerable<IPersistentRepresentation>)each.Payload).Select(persistent => persistent.Payload).ToArray()));
        return write;
    }

    private void Confirm(WriteMessages write)
    {
        write.PersistentActor.Tell(WriteMessagesSuccessful.Instance, _journal.Ref);
        foreach (var each in write.Messages.SelectMany(message => (IEnumerable<IPersistentRepresentation>)message.Payload))
            write.PersistentActor.Tell(new WriteMessageSuccess(each, write.ActorInstanceId), each.Sender);
    }

    private sealed record Persist(int Id, object Event);

    private sealed record PersistsAsync(int Id, object Event);

    private sealed record Defer(int Id, string Message);

    private sealed record All(int Id, params string[] Events);

    private sealed record Multi(params object[] Commands);

    private sealed record Stored(int Id, int Sub);

    private sealed class Subject(IActorRef monitor) : PersistentActor
    {
        public override string PersistenceId => Self.Path.Name;

        protected override void PreRestart(Exception reason, object? message) => monitor.Tell("restarting");

        protected override bool ReceiveRecover(object message)
        {
            monitor.Tell(message);
            return true;
        }

        protected override bool ReceiveCommand(object message)
        {
            switch (message)
            {
                case Persist persist:
                    Persist(persist.Event, evt => Done(persist.Id, evt));
                    return true;
                case PersistsAsync persist:
                    PersistAsync(persist.Event, evt => Done(persist.Id, evt));
                    return true;
                case Defer defer:
                    DeferAsync(defer.Message, message => Done(defer.Id, message));
                    return true;
                case All all:
                    PersistAll(all.Events, evt => Done(all.Id, evt));
                    return true;
                case Multi multi:
                    foreach (var command in multi.Commands)
                        ReceiveCommand(command);
                    return true;
                case "boom":
                    throw new TestException("boom");
                default:
                    return false;
            }
        }

        private void Done(int id, object evt)
        {
            monitor.Tell(new Stored(id, 1));
            if (evt is Persist nested)
                ReceiveCommand(nested);
        }
    }
}
