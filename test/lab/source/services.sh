# Carried out once, after work.sh: what others ask of a server.
set -eu
echo 'alice ALL=(postgres) NOPASSWD: /usr/bin/psql' > /etc/sudoers.d/alice
chmod 440 /etc/sudoers.d/alice

# A web server with something of its own.
mkdir -p /var/www/shop
echo 'the shop is open' > /var/www/shop/index.html
cat > /etc/nginx/sites-available/shop <<'END'
server { listen 8080; root /var/www/shop; }
END
ln -s ../sites-available/shop /etc/nginx/sites-enabled/shop
systemctl restart nginx

# A database with data in it.
until runuser -u postgres -- psql -qtc 'select 1' > /dev/null 2>&1; do sleep 1; done
runuser -u postgres -- psql -q -v ON_ERROR_STOP=1 <<'END'
create role shop login password 'shop';
create database shop owner shop;
\c shop
create table orders (id int primary key, customer text not null, cents bigint not null, at timestamptz not null);
insert into orders
  select n, md5(n::text), (n * 7919) % 100003, '2026-01-01'::timestamptz + n * interval '1 minute' from generate_series(1, 20000) n;
create index on orders (customer);
create view busy as select customer, sum(cents) cents from orders group by customer;
vacuum analyze;
checkpoint;
END
