namespace Mesh.Tests.Engine.Persistence;

/// <summary>A journal that answers what it was configured with.</summary>
public sealed class ConfiguredJournal : ReceiveActor
{
    public ConfiguredJournal(Config config) => Receive<string>(key => Sender.Tell(config.GetString(key) ?? "nothing"));
}

/// <summary>Not an actor, and so not a journal.</summary>
public sealed class NoJournal;

/// <summary>Which plugins there are, by which path, and what becomes of one that is not there.</summary>
public sealed class LoadPluginSpec() : TestKit("""
    akka.persistence {
      journal {
        configured { class = "Mesh.Tests.Engine.Persistence.ConfiguredJournal, Mesh.Tests.Engine", key = value }
        other { class = "Mesh.Tests.Engine.Persistence.ConfiguredJournal, Mesh.Tests.Engine", key = other }
        second { class = "Mesh.Tests.Engine.Persistence.FailingJournal, Mesh.Tests.Engine" }
        absent { class = "Mesh.Tests.Engine.Persistence.AbsentJournal, Mesh.Tests.Engine" }
        wrong { class = "Mesh.Tests.Engine.Persistence.NoJournal, Mesh.Tests.Engine" }
        classless { key = value }
      }
      snapshot-store {
        one { class = "Mesh.Tests.Engine.Persistence.FailingSnapshotStore, Mesh.Tests.Engine" }
        two { class = "Mesh.Tests.Engine.Persistence.FailingSnapshotStore, Mesh.Tests.Engine" }
      }
    }
    """)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private PersistenceExtension Extension => PersistenceProvider.Instance.Apply(Sys);

    [Fact]
    public async Task Plugin_with_config_parameter_should_be_created_with_plugin_config()
    {
        var journal = Extension.JournalFor("akka.persistence.journal.configured");
        Assert.Equal("value", await journal.Ask<string>("key", Patience));

        // Below it lies what every journal has.
        Assert.Equal("30s", await journal.Ask<string>("recovery-event-timeout", Patience));
    }

    [Fact]
    public async Task Persistence_should_be_able_to_register_the_same_journal_under_different_paths()
    {
        var one = Extension.JournalFor("akka.persistence.journal.configured");
        var two = Extension.JournalFor("akka.persistence.journal.other");
        Assert.NotEqual(one, two);
        Assert.Equal("other", await two.Ask<string>("key", Patience));
        Assert.Equal(one, Extension.JournalFor("akka.persistence.journal.configured"));
    }

    [Fact]
    public void Persistence_should_be_able_to_register_the_same_snapshot_store_under_different_paths()
    {
        var one = Extension.SnapshotStoreFor("akka.persistence.snapshot-store.one");
        Assert.NotEqual(one, Extension.SnapshotStoreFor("akka.persistence.snapshot-store.two"));
        Assert.Equal(one, Extension.SnapshotStoreFor("akka.persistence.snapshot-store.one"));
    }

    [Fact]
    public void Persistence_should_use_inmem_journal_by_default()
    {
        Assert.Equal(Extension.JournalFor("akka.persistence.journal.inmem"), Extension.JournalFor(null));
        Assert.Equal(Extension.JournalFor(""), Extension.JournalFor(null));
    }

    [Fact]
    public void Persistence_should_use_no_snapshot_store_by_default() =>
        Assert.Equal(Extension.SnapshotStoreFor("akka.persistence.no-snapshot-store"), Extension.SnapshotStoreFor(null));

    [Theory]
    [InlineData("akka.persistence.journal.nowhere", "is not configured")]
    [InlineData("akka.persistence.journal.absent", "there is no class")]
    [InlineData("akka.persistence.journal.wrong", "is not an actor")]
    [InlineData("akka.persistence.journal.classless", "has no class")]
    public async Task A_journal_that_is_not_there_is_named_and_ends_the_start_of_its_actor(string plugin, string reason)
    {
        var refused = Assert.Throws<ConfigurationException>(() => Extension.JournalFor(plugin));
        Assert.Contains(plugin, refused.Message, StringComparison.Ordinal);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);

        var causes = CreateTestProbe();
        var supervisor = Sys.ActorOf(Mesh.Tests.Engine.Supervisor.Deciding(cause =>
        {
            causes.Ref.Tell(cause);
            return Directive.Stop;
        }));
        var entity = await supervisor.Ask<IActorRef>(Props.Create(() => new Picky("entity", plugin, null)), Patience);
        await WatchAsync(entity);
        await causes.ExpectMsgAsync<ActorInitializationException>(cause => Assert.IsType<ConfigurationException>(cause.InnerException));
        await ExpectTerminatedAsync(entity);
    }

    [Fact]
    public async Task An_actor_picks_its_journal()
    {
        var one = Sys.ActorOf(Props.Create(() => new Picky("same", null, null)));
        var two = Sys.ActorOf(Props.Create(() => new Picky("same", "akka.persistence.journal.second", null)));
        one.Tell("a");
        two.Tell("b");
        Assert.Equivalent(new[] { "stored a", "stored b" }, await ReceiveNAsync(2).Select(message => (string)message).ToListAsync());

        // Each recovers from its own.
        foreach (var (plugin, expected) in new (string?, string)[] { (null, "a"), ("akka.persistence.journal.second", "b") })
        {
            var again = Sys.ActorOf(Props.Create(() => new Picky("same", plugin, null)));
            again.Tell("state");
            await ExpectMsgAsync(expected);
        }
    }

    [Fact]
    public async Task Persistence_extension_should_fail_if_PersistentActor_tries_to_SaveSnapshot_without_snapshot_store_available()
    {
        var entity = Sys.ActorOf(Props.Create(() => new Picky("entity", null, null)));
        entity.Tell("snap");
        await ExpectMsgAsync<SaveSnapshotFailure>(failure =>
            Assert.StartsWith("No snapshot store is configured", failure.Cause.Message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Persistence_extension_should_successfully_save_a_snapshot_when_no_default_snapshot_store_configured_yet_PersistentActor_picked_one_explicitly()
    {
        var entity = Sys.ActorOf(Props.Create(() => new Picky("entity", null, "akka.persistence.snapshot-store.inmem")));
        entity.Tell("snap");
        await ExpectMsgAsync<SaveSnapshotSuccess>();
    }

    private sealed class Picky : ReceivePersistentActor
    {
        private readonly List<string> _state = [];
        private IActorRef _asker = ActorRefs.Nobody;

        public Picky(string id, string? journal, string? snapshotStore)
        {
            PersistenceId = id;
            JournalPluginId = journal!;
            SnapshotPluginId = snapshotStore!;
            Recover<string>(_state.Add);
            Command<string>(text => text == "state", _ => Sender.Tell(string.Join(' ', _state)));
            Command<string>(text => text == "snap", _ =>
            {
                _asker = Sender;
                SaveSnapshot("state");
            });
            Command<SaveSnapshotFailure>(message => _asker.Tell(message));
            Command<SaveSnapshotSuccess>(message => _asker.Tell(message));
            Command<string>(text => Persist(text, stored => Sender.Tell($"stored {stored}")));
        }

        public override string PersistenceId { get; }
    }
}
