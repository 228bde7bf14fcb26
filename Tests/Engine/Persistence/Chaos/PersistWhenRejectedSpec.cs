namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>What is persisted where a rejection is handled is dealt with like what is persisted in an event's handler.</summary>
public sealed class PersistWhenRejectedSpec() : TestKit(FailingJournal.Configuration)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_persisted_on_a_rejection_is_stored_before_the_next_command_is_taken(bool isAsync)
    {
        var entity = Sys.ActorOf(Props.Create(() => new Regretful(isAsync, null)));
        entity.Tell("unfit", TestActor);
        await ExpectMsgAsync("taken unfit");
        await ExpectMsgAsync("regret stored");
        entity.Tell("a", TestActor);
        await ExpectMsgAsync("taken a");
        await ExpectMsgAsync("a stored");
    }

    [Fact]
    public async Task Several_rejections_each_have_their_turn()
    {
        var entity = Sys.ActorOf(Props.Create(() => new Regretful(true, null)));
        foreach (var command in (string[])["unfit", "unfit", "a"])
            entity.Tell(command, TestActor);
        for (var i = 0; i < 2; i++)
            await FishForMessageAsync<string>(text => text == "regret stored");
        entity.Tell("b", TestActor);
        await FishForMessageAsync<string>(text => text == "b stored");
    }

    [Fact]
    public async Task A_throw_on_a_rejection_is_an_ordinary_failure()
    {
        var entity = Sys.ActorOf(Props.Create(() => new Regretful(false, "no")));
        entity.Tell("unfit", TestActor);
        entity.Tell("a", TestActor);
        await ExpectMsgAsync("taken unfit");
        await ExpectMsgAsync("taken a");
        await ExpectMsgAsync("a stored");
    }

    private sealed class Regretful(bool isAsync, string? complaint) : PersistentActor
    {
        public override string PersistenceId => "regretful";

        protected override bool ReceiveRecover(object message) => true;

        protected override bool ReceiveCommand(object message)
        {
            Sender.Tell($"taken {message}");
            if (isAsync)
                PersistAsync(new Evt(message), stored => Sender.Tell($"{stored.Data} stored"));
            else
                Persist(new Evt(message), stored => Sender.Tell($"{stored.Data} stored"));
            return true;
        }

        protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr)
        {
            if (complaint is not null)
                throw new TestException(complaint);
            Persist(new Evt("regret"), stored => Sender.Tell($"{stored.Data} stored"));
        }
    }
}
