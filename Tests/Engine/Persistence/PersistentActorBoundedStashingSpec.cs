namespace Mesh.Tests.Engine.Persistence;

/// <summary>
/// A bound on the stash is one on what waits for a write or for the end of recovery as well; what does not fit is a failure.
/// </summary>
public sealed class PersistentActorBoundedStashingSpec : TestKit
{
    private readonly TestProbe _journal;
    private readonly TestProbe _causes;

    public PersistentActorBoundedStashingSpec()
        : this(Guid.NewGuid().ToString())
    {
    }

    private PersistentActorBoundedStashingSpec(string key)
        : base($$"""
            puppet {
              class = "Mesh.Tests.Engine.Persistence.JournalPuppet, Mesh.Tests.Engine"
              probe = "{{key}}"
            }
            akka.persistence.journal.plugin = puppet
            """)
    {
        _journal = CreateTestProbe();
        _causes = CreateTestProbe();
        JournalPuppet.Probes[key] = _journal.Ref;
    }

    [Fact]
    public async Task Commands_that_wait_for_a_write_overflow()
    {
        var entity = await StartAsync(Directive.Resume, recovers: true);
        Send(entity, "one", "two", "three", "four", "five");
        var write = await _journal.ExpectMsgAsync<WriteMessages>();
        await _causes.ExpectMsgAsync("StashOverflowException");
        await _causes.ExpectMsgAsync("StashOverflowException");

        // Those that had a place are dealt with in their order.
        Confirm(write);
        await ExpectMsgAsync("stored one");
        Confirm(await _journal.ExpectMsgAsync<WriteMessages>());
        await ExpectMsgAsync("stored two");
        Confirm(await _journal.ExpectMsgAsync<WriteMessages>());
        await ExpectMsgAsync("stored three");
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task Commands_that_wait_for_recovery_overflow_and_the_recovery_goes_on()
    {
        var entity = await StartAsync(Directive.Resume, recovers: false);
        Send(entity, "one", "two", "three");
        await _causes.ExpectMsgAsync("StashOverflowException");
        _journal.Reply(new RecoverySuccess(0));
        Confirm(await _journal.ExpectMsgAsync<WriteMessages>());
        await ExpectMsgAsync("stored one");
        Confirm(await _journal.ExpectMsgAsync<WriteMessages>());
        await ExpectMsgAsync("stored two");
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task What_waited_when_an_overflow_stops_the_actor_is_a_dead_letter()
    {
        var letters = CreateTestProbe();
        Sys.EventStream.Subscribe<DeadLetter>(letters.Ref);
        var entity = await StartAsync(Directive.Stop, recovers: true);
        await WatchAsync(entity);
        Send(entity, "one", "two", "three", "four");
        await _causes.ExpectMsgAsync("StashOverflowException");
        await ExpectTerminatedAsync(entity);
        foreach (var expected in (string[])["two", "three"])
            Assert.Equal(expected, (await letters.ExpectMsgAsync<DeadLetter>()).Message);
    }

    [Fact]
    public async Task The_stash_of_the_actor_itself_overflows()
    {
        var entity = await StartAsync(Directive.Resume, recovers: true);
        Send(entity, "stash 1", "stash 2", "stash 3", "unstash");
        await _causes.ExpectMsgAsync("StashOverflowException");
        await ExpectMsgAsync("stash 1");
        await ExpectMsgAsync("stash 2");
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task The_two_stashes_are_counted_apart()
    {
        var entity = await StartAsync(Directive.Resume, recovers: true);
        Send(entity, "stash 1", "stash 2", "one", "two", "three");
        Confirm(await _journal.ExpectMsgAsync<WriteMessages>());
        await ExpectMsgAsync("stored one");
        Confirm(await _journal.ExpectMsgAsync<WriteMessages>());
        await ExpectMsgAsync("stored two");
        Confirm(await _journal.ExpectMsgAsync<WriteMessages>());
        await ExpectMsgAsync("stored three");
        await _causes.ExpectNoMsgAsync(TimeSpan.FromMilliseconds(20));
    }

    private async Task<IActorRef> StartAsync(Directive directive, bool recovers)
    {
        var supervisor = Sys.ActorOf(Mesh.Tests.Engine.Supervisor.Deciding(cause =>
        {
            _causes.Ref.Tell(cause.GetType().Name);
            return directive;
        }));
        var probe = TestActor;
        var unstashed = false;
        var props = Entity.Of("entity", (e, message) =>
        {
            switch (message)
            {
                case "unstash":
                    unstashed = true;
                    e.Stash.UnstashAll();
                    break;
                case string text when text.StartsWith("stash", StringComparison.Ordinal) && unstashed:
                    probe.Tell(text);
                    break;
                case string text when text.StartsWith("stash", StringComparison.Ordinal):
                    e.Stash.Stash();
                    break;
                case string text:
                    e.Persist(text, stored => probe.Tell($"stored {stored}"));
                    break;
            }
        });
        var entity = await supervisor.Ask<IActorRef>(props.WithStashCapacity(2), TimeSpan.FromSeconds(3));
        await _journal.ExpectMsgAsync<ReplayMessages>();
        if (recovers)
            _journal.Reply(new RecoverySuccess(0));
        return entity;
    }

    private void Send(IActorRef entity, params string[] commands)
    {
        foreach (var command in commands)
            entity.Tell(command, TestActor);
    }

    private void Confirm(WriteMessages write)
    {
        write.PersistentActor.Tell(WriteMessagesSuccessful.Instance, _journal.Ref);
        foreach (var each in write.Messages.SelectMany(message => (IEnumerable<IPersistentRepresentation>)message.Payload))
            write.PersistentActor.Tell(new WriteMessageSuccess(each, write.ActorInstanceId), each.Sender);
    }
}
