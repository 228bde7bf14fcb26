using Mesh.Actors.Engine.Persistence;

namespace Mesh.Tests.Engine.Persistence;

public sealed class RecoveryPermitterSpec : TestKit
{
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(60);

    private readonly IActorRef _permitter;

    public RecoveryPermitterSpec()
        : base("akka.persistence.max-concurrent-recoveries = 3") =>
        _permitter = PersistenceProvider.Instance.Apply(Sys).RecoveryPermitter;

    [Fact]
    public async Task RecoveryPermitter_must_grant_permits_up_to_the_limit()
    {
        var probes = await TakeAllAsync();
        var (fourth, fifth) = (CreateTestProbe(), CreateTestProbe());
        Request(fourth);
        Request(fifth);
        await fourth.ExpectNoMsgAsync(Moment);
        await fifth.ExpectNoMsgAsync(Moment);
        Return(probes[1]);
        await fourth.ExpectMsgAsync<RecoveryPermitGranted>();
        await fifth.ExpectNoMsgAsync(Moment);
        Return(probes[0]);
        await fifth.ExpectMsgAsync<RecoveryPermitGranted>();
    }

    [Fact]
    public async Task RecoveryPermitter_must_grant_recovery_when_all_permits_not_used()
    {
        var (one, two) = (CreateTestProbe(), CreateTestProbe());
        await RequestGrantedAsync(one);
        StartEntity("p2", two);
        await two.ExpectMsgAsync<RecoveryCompleted>();
    }

    [Fact]
    public async Task RecoveryPermitter_must_delay_recovery_when_all_permits_used()
    {
        var probes = await TakeAllAsync();
        var fourth = CreateTestProbe();
        var entity = StartEntity("p4", fourth);
        await fourth.WatchAsync(entity);
        entity.Tell("stop");
        await fourth.ExpectNoMsgAsync(Moment);
        Return(probes[2]);
        await fourth.ExpectMsgAsync<RecoveryCompleted>();
        await fourth.ExpectMsgAsync("postStop");
        await fourth.ExpectTerminatedAsync(entity);
    }

    [Fact]
    public async Task RecoveryPermitter_must_return_permit_when_actor_is_prematurely_terminated_before_holding_permit()
    {
        var probes = await TakeAllAsync();
        var (fourth, fifth) = (CreateTestProbe(), CreateTestProbe());
        var entity = StartEntity("p4", fourth);
        await fourth.ExpectNoMsgAsync(Moment);
        Request(fifth);
        entity.Tell(PoisonPill.Instance);
        await fourth.ExpectMsgAsync("postStop");

        // It held none, so nobody gets one.
        await fifth.ExpectNoMsgAsync(Moment);
        Return(probes[0]);
        await fifth.ExpectMsgAsync<RecoveryPermitGranted>();
    }

    [Fact]
    public async Task RecoveryPermitter_must_return_permit_when_actor_is_prematurely_terminated_when_holding_permit()
    {
        var probes = await TakeAllAsync();
        var fourth = CreateTestProbe();
        Request(fourth);
        await fourth.ExpectNoMsgAsync(Moment);
        Sys.Stop(probes[0].Ref);
        await fourth.ExpectMsgAsync<RecoveryPermitGranted>();
    }

    [Fact]
    public async Task RecoveryPermitter_must_return_permit_when_actor_throws_from_RecoveryCompleted()
    {
        var (one, two, three, four) = (CreateTestProbe(), CreateTestProbe(), CreateTestProbe(), CreateTestProbe());
        await RequestGrantedAsync(one);
        await RequestGrantedAsync(two);
        var entity = StartEntity("p3", three, throws: true);

        // Restarted again and again; each recovery needs the one permit that is left.
        for (var i = 0; i < 5; i++)
        {
            await three.ExpectMsgAsync<RecoveryCompleted>();
            await three.ExpectMsgAsync("postStop");
        }

        await WatchAsync(entity);
        Sys.Stop(entity);
        await ExpectTerminatedAsync(entity);
        await RequestGrantedAsync(four);
    }

    [Fact]
    public async Task An_actor_that_restarts_while_it_holds_the_last_permit_does_not_wait_for_itself()
    {
        var probes = await TakeAllAsync();
        Request(probes[0]);
        await probes[0].ExpectMsgAsync<RecoveryPermitGranted>();
        var fourth = CreateTestProbe();
        Request(fourth);
        Return(probes[0]);
        await fourth.ExpectMsgAsync<RecoveryPermitGranted>();
    }

    [Fact]
    public async Task Many_persistent_actors_must_be_able_to_recover_without_overloading()
    {
        const int count = 200;
        for (var i = 0; i < count; i++)
        {
            StartEntity($"many-{i}", TestActor, throws: false);
        }

        for (var i = 0; i < count; i++)
            await ExpectMsgAsync<RecoveryCompleted>();
    }

    private async Task<TestProbe[]> TakeAllAsync()
    {
        TestProbe[] probes = [CreateTestProbe(), CreateTestProbe(), CreateTestProbe()];
        foreach (var probe in probes)
            await RequestGrantedAsync(probe);
        return probes;
    }

    private async Task RequestGrantedAsync(TestProbe probe)
    {
        Request(probe);
        await probe.ExpectMsgAsync<RecoveryPermitGranted>();
    }

    private void Request(TestProbe probe) => _permitter.Tell(RequestRecoveryPermit.Instance, probe.Ref);

    private void Return(TestProbe probe) => _permitter.Tell(ReturnRecoveryPermit.Instance, probe.Ref);

    private IActorRef StartEntity(string id, TestProbe probe, bool throws = false) => StartEntity(id, probe.Ref, throws);

    private IActorRef StartEntity(string id, IActorRef probe, bool throws) => Sys.ActorOf(Entity.Of(id, new Entity.Script
    {
        Command = (e, message) =>
        {
            if (message is "stop")
                e.StopSelf();
        },
        Recover = (_, message) =>
        {
            if (message is not RecoveryCompleted)
                return false;
            probe.Tell(message);
            return throws ? throw new TestException("from RecoveryCompleted") : true;
        },
        OnPostStop = _ => probe.Tell("postStop"),
    }));
}
