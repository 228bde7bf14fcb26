namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>An instance that took the place of another does not take the answers to that one for its own.</summary>
public sealed class EarlierInstanceSpec : TestKit
{
    private readonly TestProbe _journal;

    public EarlierInstanceSpec()
        : this(Guid.NewGuid().ToString())
    {
    }

    private EarlierInstanceSpec(string key)
        : base($$"""
            puppet {
              class = "Mesh.Tests.Engine.Persistence.JournalPuppet, Mesh.Tests.Engine"
              probe = "{{key}}"
            }
            impatient {
              class = "Mesh.Tests.Engine.Persistence.JournalPuppet, Mesh.Tests.Engine"
              probe = "{{key}}"
              recovery-event-timeout = 20ms
            }
            akka.persistence.journal.plugin = puppet
            """)
    {
        _journal = CreateTestProbe();
        JournalPuppet.Probes[key] = _journal.Ref;
    }

    [Fact]
    public async Task A_late_answer_to_the_instance_before_does_not_let_a_second_write_out()
    {
        var subject = await StartAsync();
        subject.Tell("async a");
        var ofTheFirst = await _journal.ExpectMsgAsync<WriteMessages>();
        subject.Tell("boom");
        await RecoverAsync(1);
        subject.Tell("async b");
        var ofTheSecond = await _journal.ExpectMsgAsync<WriteMessages>();
        Confirm(ofTheFirst);
        subject.Tell("async c");
        await _journal.ExpectNoMsgAsync(TimeSpan.FromMilliseconds(60));
        Confirm(ofTheSecond);
        await ExpectMsgAsync("b stored");
        Confirm(await _journal.ExpectMsgAsync<WriteMessages>());
        await ExpectMsgAsync("c stored");
    }

    [Fact]
    public async Task Answers_to_the_instance_before_do_not_keep_commands_from_being_taken()
    {
        var subject = await StartAsync("waking");
        subject.Tell("async throw");
        Confirm(await _journal.ExpectMsgAsync<WriteMessages>());

        // The handler of the first event throws; the answers for the others reach the next instance, ahead of its permit.
        await _journal.ExpectMsgAsync<ReplayMessages>();
        subject.Tell("async a");
        subject.Tell("async b");
        _journal.Reply(new RecoverySuccess(3));
        Confirm(await _journal.ExpectMsgAsync<WriteMessages>());
        await ExpectMsgAsync("waking stored");
        for (var i = 0; i < 2; i++)
            Confirm(await _journal.ExpectMsgAsync<WriteMessages>());
        await ExpectMsgAsync("a stored");
        await ExpectMsgAsync("b stored");
    }

    [Fact]
    public async Task An_actor_that_stops_while_it_recovers_leaves_no_timer_behind()
    {
        var letters = CreateTestProbe();
        Sys.EventStream.Subscribe(letters.Ref, typeof(AllDeadLetters));
        var subject = Sys.ActorOf(Props.Create(() => new Subject(TestActor, "impatient", null)));
        await _journal.ExpectMsgAsync<ReplayMessages>();
        await WatchAsync(subject);
        Sys.Stop(subject);
        await ExpectTerminatedAsync(subject);

        // One may have been under way.
        await Task.Delay(TimeSpan.FromMilliseconds(200));
        var ticks = 0;
        while (letters.HasMessages)
        {
            if (((AllDeadLetters)await letters.ExpectMsgAsync<object>()).Message.GetType().Name == "RecoveryTick")
                ticks++;
        }

        Assert.InRange(ticks, 0, 1);
    }

    private async Task<IActorRef> StartAsync(string? waking = null)
    {
        var subject = Sys.ActorOf(Props.Create(() => new Subject(TestActor, null, waking)));
        await RecoverAsync(0);
        return subject;
    }

    private async Task RecoverAsync(long highest)
    {
        await _journal.ExpectMsgAsync<ReplayMessages>();
        _journal.Reply(new RecoverySuccess(highest));
    }

    private void Confirm(WriteMessages write)
    {
        write.PersistentActor.Tell(WriteMessagesSuccessful.Instance, _journal.Ref);
        foreach (var each in write.Messages.SelectMany(message => (IEnumerable<IPersistentRepresentation>)message.Payload))
            write.PersistentActor.Tell(new WriteMessageSuccess(each, write.ActorInstanceId), each.Sender);
    }

    private sealed class Subject : ReceivePersistentActor
    {
        public Subject(IActorRef monitor, string? journal, string? waking)
        {
            JournalPluginId = journal;
            void Handle(string stored)
            {
                if (stored == "throw")
                    throw new TestException("in the handler");
                monitor.Tell($"{stored} stored");
            }

            Recover<RecoveryCompleted>(_ =>
            {
                if (waking is not null && LastSequenceNr > 0)
                    Persist(waking, Handle);
            });
            Command<string>(command => command == "boom", _ => throw new TestException("boom"));
            Command<string>(command => command == "async throw", _ =>
            {
                foreach (var each in (string[])["throw", "x", "y"])
                    PersistAsync(each, Handle);
            });
            Command<string>(command => PersistAsync(command["async ".Length..], Handle));
        }

        public override string PersistenceId => "entity";
    }
}
