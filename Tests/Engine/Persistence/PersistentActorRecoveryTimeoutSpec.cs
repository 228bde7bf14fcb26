namespace Mesh.Tests.Engine.Persistence;

public sealed class PersistentActorRecoveryTimeoutSpec : TestKit
{
    private readonly TestProbe _journal;

    public PersistentActorRecoveryTimeoutSpec()
        : this(Guid.NewGuid().ToString())
    {
    }

    private PersistentActorRecoveryTimeoutSpec(string key)
        : base($$"""
            puppet {
              class = "Mesh.Tests.Engine.Persistence.JournalPuppet, Mesh.Tests.Engine"
              probe = "{{key}}"
              recovery-event-timeout = 300ms
            }
            akka.persistence.journal.plugin = puppet
            """)
    {
        _journal = CreateTestProbe();
        JournalPuppet.Probes[key] = _journal.Ref;
    }

    [Fact]
    public async Task The_recovery_timeout_should_fail_recovery_if_timeout_is_not_met_when_recovering()
    {
        var failures = CreateTestProbe();
        var entity = Sys.ActorOf(Entity.Of("entity", new Entity.Script { OnRecoveryFailure = (reason, _) => failures.Ref.Tell(reason) }));
        await WatchAsync(entity);
        await _journal.ExpectMsgAsync<ReplayMessages>();
        _journal.Reply(new ReplayedMessage(new Persistent(new Evt("a"), 1, "entity")));
        Assert.Equal(
            "No event of entity came within 0.3 s; the last one was 1.", (await failures.ExpectMsgAsync<RecoveryTimedOutException>()).Message);
        await ExpectTerminatedAsync(entity);
    }

    [Fact]
    public async Task The_recovery_timeout_should_not_interfere_with_receive_timeout()
    {
        var probe = TestActor;
        Sys.ActorOf(Entity.Of("entity", new Entity.Script
        {
            OnPreStart = e => e.ReceiveTimeout = TimeSpan.FromDays(42),
            Recover = (e, message) =>
            {
                if (message is RecoveryCompleted)
                    probe.Tell(e.ReceiveTimeout!.Value);
                return false;
            },
        }));
        await _journal.ExpectMsgAsync<ReplayMessages>();
        _journal.Reply(new RecoverySuccess(0));
        await ExpectMsgAsync(TimeSpan.FromDays(42));
    }
}
