namespace Mesh.Tests.Engine.Persistence;

/// <summary>A journal in memory that deletes nothing.</summary>
public sealed class UndeletingJournal : MemoryJournal
{
    protected override Task DeleteMessagesToAsync(string persistenceId, long toSequenceNr) =>
        Task.FromException(new TestException("unable to delete events"));
}

public sealed class PersistentActorDeleteFailureSpec() : TestKit("""
    akka.persistence.journal {
      plugin = akka.persistence.journal.undeleting
      undeleting.class = "Mesh.Tests.Engine.Persistence.UndeletingJournal, Mesh.Tests.Engine"
    }
    """)
{
    [Fact]
    public async Task PersistentActor_should_have_default_warn_logging_be_triggered_when_deletion_failed()
    {
        var entity = Sys.ActorOf(Props.Create(() => new Deleting("entity", ActorRefs.Nobody)));
        var warning = EventFilter.Warning(start: "Deleting events of entity up to 0 failed", contains: "unable to delete events");
        await warning.ExpectOneAsync(() =>
        {
            entity.Tell("delete");
            return Task.CompletedTask;
        });
    }

    [Fact]
    public async Task PersistentActor_should_receive_a_DeleteMessagesFailure_when_deletion_failed_and_the_default_logging_should_not_be_triggered()
    {
        var entity = Sys.ActorOf(Props.Create(() => new Deleting("entity", TestActor)));
        await EventFilter.Warning().ExpectAsync(0, async () =>
        {
            entity.Tell("delete");
            Assert.Equal("unable to delete events", (await ExpectMsgAsync<DeleteMessagesFailure>()).Cause.Message);
            entity.Tell("ping");
            await ExpectMsgAsync("pong");
        });
    }

    private sealed class Deleting : ReceivePersistentActor
    {
        public Deleting(string id, IActorRef probe)
        {
            PersistenceId = id;
            Command<string>(text => text == "delete", _ => DeleteMessages(long.MaxValue));
            Command<string>(text => text == "ping", _ => Sender.Tell("pong"));
            if (!probe.IsNobody())
                Command<DeleteMessagesFailure>(failure => probe.Tell(failure));
        }

        public override string PersistenceId { get; }
    }
}
