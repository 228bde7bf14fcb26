using System.Collections.Immutable;

namespace Mesh.Tests.Kit.Persistence;

/// <summary>
/// What every journal plugin must do. A plugin's test is a subclass whose configuration names the plugin as the default journal. Five events
/// are written before each test, the last two as one atomic write.
/// </summary>
public abstract class JournalSpec : TestKit, IAsyncLifetime
{
    private const int ActorInstanceId = 1;
    private static int _lastId;

    private readonly string _writerGuid = Guid.NewGuid().ToString();
    private readonly TestProbe _receiver;

    protected JournalSpec(Config config)
        : base(config, "JournalSpec")
    {
        Pid = $"p-{Interlocked.Increment(ref _lastId)}";
        _receiver = CreateTestProbe();
    }

    /// <summary>The entity of this test.</summary>
    protected string Pid { get; }

    /// <summary>False for a journal that keeps objects as they are.</summary>
    protected virtual bool RejectsUnknownEvents => true;

    protected IActorRef Journal => PersistenceProvider.Instance.Apply(Sys).JournalFor("");

    public virtual async Task InitializeAsync()
    {
        var sender = CreateTestProbe();
        var probe = CreateTestProbe();
        AtomicWrite[] writes =
        [
            new(Event(1, sender.Ref)), new(Event(2, sender.Ref)), new(Event(3, sender.Ref)),
            new(ImmutableList.Create(Event(4, sender.Ref), Event(5, sender.Ref))),
        ];
        Journal.Tell(new WriteMessages(writes, probe.Ref, ActorInstanceId), probe.Ref);
        await probe.ExpectMsgAsync<WriteMessagesSuccessful>();
        for (var sequence = 1; sequence <= 5; sequence++)
        {
            var success = await probe.ExpectMsgAsync<WriteMessageSuccess>();
            AssertEvent(success.Persistent, sequence);
            Assert.Equal(ActorInstanceId, success.ActorInstanceId);
            Assert.Equal(sender.Ref, probe.Sender);
        }
    }

    public virtual Task DisposeAsync() => Task.CompletedTask;

    [SpecFact]
    public async Task Journal_should_replay_all_messages() => await ReplayGivesAsync(1, long.MaxValue, long.MaxValue, 1, 2, 3, 4, 5);

    [SpecFact]
    public async Task Journal_should_replay_messages_using_a_lower_sequence_number_bound() =>
        await ReplayGivesAsync(3, long.MaxValue, long.MaxValue, 3, 4, 5);

    [SpecFact]
    public async Task Journal_should_replay_messages_using_an_upper_sequence_number_bound() =>
        await ReplayGivesAsync(1, 3, long.MaxValue, 1, 2, 3);

    [SpecFact]
    public async Task Journal_should_replay_messages_using_a_count_limit() => await ReplayGivesAsync(1, long.MaxValue, 3, 1, 2, 3);

    [SpecFact]
    public async Task Journal_should_replay_messages_using_lower_and_upper_sequence_number_bound() =>
        await ReplayGivesAsync(2, 3, long.MaxValue, 2, 3);

    [SpecFact]
    public async Task Journal_should_replay_messages_using_lower_and_upper_sequence_number_bound_and_count_limit() =>
        await ReplayGivesAsync(2, 5, 2, 2, 3);

    [SpecFact]
    public async Task Journal_should_replay_a_single_if_lower_sequence_number_bound_equals_upper_sequence_number_bound() =>
        await ReplayGivesAsync(2, 2, long.MaxValue, 2);

    [SpecFact]
    public async Task Journal_should_replay_a_single_message_if_count_limit_is_equal_one() => await ReplayGivesAsync(2, 4, 1, 2);

    [SpecFact]
    public async Task Journal_should_not_replay_messages_if_count_limit_equals_zero() => await ReplayGivesAsync(2, 4, 0);

    [SpecFact]
    public async Task Journal_should_not_replay_messages_if_lower_sequence_number_bound_is_greater_than_upper_sequence_number_bound() =>
        await ReplayGivesAsync(3, 2, long.MaxValue);

    [SpecFact]
    public async Task Journal_should_not_replay_messages_if_the_persistent_actor_has_not_yet_written_messages()
    {
        Journal.Tell(new ReplayMessages(0, long.MaxValue, long.MaxValue, $"{Pid}-never-written", _receiver.Ref), _receiver.Ref);
        Assert.Equal(0, (await _receiver.ExpectMsgAsync<RecoverySuccess>()).HighestSequenceNr);
    }

    [SpecFact]
    public async Task Journal_should_not_replay_permanently_deleted_messages_on_range_deletion()
    {
        await DeleteAsync(3);
        await ReplayGivesAsync(1, long.MaxValue, long.MaxValue, 4, 5);
    }

    [SpecFact]
    public async Task Journal_should_not_reset_HighestSequenceNr_after_message_deletion()
    {
        await ReplayGivesAsync(0, long.MaxValue, long.MaxValue, 1, 2, 3, 4, 5);
        await DeleteAsync(3);
        await ReplayGivesAsync(0, long.MaxValue, long.MaxValue, 4, 5);
    }

    [SpecFact]
    public async Task Journal_should_not_reset_HighestSequenceNr_after_journal_cleanup()
    {
        await DeleteAsync(long.MaxValue);
        await ReplayGivesAsync(0, long.MaxValue, long.MaxValue);
        await DeleteAsync(long.MaxValue);
        await ReplayGivesAsync(0, long.MaxValue, long.MaxValue);
    }

    [SpecFact]
    public async Task Journal_should_serialize_events()
    {
        var probe = CreateTestProbe();
        var written = new Persistent(new TckEvent("ä\n\"6"), 6, Pid, sender: ActorRefs.NoSender, writerGuid: _writerGuid);
        Journal.Tell(new WriteMessages([new AtomicWrite(written)], probe.Ref, ActorInstanceId), probe.Ref);
        await probe.ExpectMsgAsync<WriteMessagesSuccessful>();
        Assert.Equal(written.Payload, (await probe.ExpectMsgAsync<WriteMessageSuccess>()).Persistent.Payload);

        var before = DateTime.UtcNow.AddMinutes(-1).Ticks;
        Journal.Tell(new ReplayMessages(6, long.MaxValue, long.MaxValue, Pid, _receiver.Ref), _receiver.Ref);
        var replayed = (await _receiver.ExpectMsgAsync<ReplayedMessage>()).Persistent;
        Assert.Equal(written.Payload, replayed.Payload);
        Assert.Equal((6, Pid, _writerGuid), (replayed.SequenceNr, replayed.PersistenceId, replayed.WriterGuid));
        Assert.InRange(replayed.Timestamp, before, DateTime.UtcNow.AddMinutes(1).Ticks);
        Assert.Null(replayed.Sender);
        Assert.Equal(6, (await _receiver.ExpectMsgAsync<RecoverySuccess>()).HighestSequenceNr);
    }

    [SpecFact]
    public async Task Journal_optionally_may_reject_non_serializable_events()
    {
        if (!RejectsUnknownEvents)
            return;
        var probe = CreateTestProbe();
        var writes = new object[] { new TckEvent("b-6"), new UnknownTckEvent(), new TckEvent("b-8") }
            .Select((payload, i) => new AtomicWrite(new Persistent(payload, 6 + i, Pid, writerGuid: _writerGuid)));
        Journal.Tell(new WriteMessages(writes, probe.Ref, ActorInstanceId), probe.Ref);
        await probe.ExpectMsgAsync<WriteMessagesSuccessful>();
        Assert.Equal(6, (await probe.ExpectMsgAsync<WriteMessageSuccess>()).Persistent.SequenceNr);
        Assert.Equal(7, (await probe.ExpectMsgAsync<WriteMessageRejected>()).Persistent.SequenceNr);
        Assert.Equal(8, (await probe.ExpectMsgAsync<WriteMessageSuccess>()).Persistent.SequenceNr);
        Journal.Tell(new ReplayMessages(6, long.MaxValue, long.MaxValue, Pid, _receiver.Ref), _receiver.Ref);
        Assert.Equal(6, (await _receiver.ExpectMsgAsync<ReplayedMessage>()).Persistent.SequenceNr);
        Assert.Equal(8, (await _receiver.ExpectMsgAsync<ReplayedMessage>()).Persistent.SequenceNr);
        Assert.Equal(8, (await _receiver.ExpectMsgAsync<RecoverySuccess>()).HighestSequenceNr);
    }

    [SpecFact]
    public async Task Journal_fails_a_write_at_a_number_that_is_taken_and_stores_nothing_of_it()
    {
        var probe = CreateTestProbe();
        AtomicWrite[] writes = [new(Event(6, null)), new(Event(5, null))];
        Journal.Tell(new WriteMessages(writes, probe.Ref, ActorInstanceId), probe.Ref);
        Assert.Equal(2, (await probe.ExpectMsgAsync<WriteMessagesFailed>()).WriteCount);
        Assert.Equal(6, (await probe.ExpectMsgAsync<WriteMessageFailure>()).Persistent.SequenceNr);
        Assert.Equal(5, (await probe.ExpectMsgAsync<WriteMessageFailure>()).Persistent.SequenceNr);
        await ReplayGivesAsync(1, long.MaxValue, long.MaxValue, 1, 2, 3, 4, 5);
    }

    [SpecFact]
    public async Task Journal_counts_a_write_under_way_in_the_highest_number()
    {
        var probe = CreateTestProbe();
        Journal.Tell(new WriteMessages([new AtomicWrite(Event(6, null))], probe.Ref, ActorInstanceId), probe.Ref);
        Journal.Tell(new ReplayMessages(6, long.MaxValue, long.MaxValue, Pid, _receiver.Ref), _receiver.Ref);
        AssertEvent((await _receiver.ExpectMsgAsync<ReplayedMessage>()).Persistent, 6);
        Assert.Equal(6, (await _receiver.ExpectMsgAsync<RecoverySuccess>()).HighestSequenceNr);
    }

    private async Task ReplayGivesAsync(long from, long to, long max, params long[] expected)
    {
        Journal.Tell(new ReplayMessages(from, to, max, Pid, _receiver.Ref), _receiver.Ref);
        foreach (var sequence in expected)
            AssertEvent((await _receiver.ExpectMsgAsync<ReplayedMessage>()).Persistent, sequence);
        Assert.Equal(5, (await _receiver.ExpectMsgAsync<RecoverySuccess>()).HighestSequenceNr);
    }

    private async Task DeleteAsync(long to)
    {
        Journal.Tell(new DeleteMessagesTo(Pid, to, _receiver.Ref), _receiver.Ref);
        await _receiver.ExpectMsgAsync(new DeleteMessagesSuccess(to));
    }

    private IPersistentRepresentation Event(long sequence, IActorRef? sender) =>
        new Persistent(new TckEvent($"a-{sequence}"), sequence, Pid, sender: sender, writerGuid: _writerGuid);

    private void AssertEvent(IPersistentRepresentation persistent, long sequence)
    {
        Assert.Equal(new TckEvent($"a-{sequence}"), persistent.Payload);
        Assert.Equal((Pid, sequence, false), (persistent.PersistenceId, persistent.SequenceNr, persistent.IsDeleted));
    }
}
